//! A body on its way from one side to the other, as fast as the slower of both.

use std::task::{Context, Poll, ready};

use super::body::Part;
use super::side::{Broken, Side};

/// One direction of an exchange.
#[derive(Debug, Default)]
pub struct Flow {
    /// All parts were taken from the sender.
    read: bool,
    /// They are on their way to the receiver as well.
    finished: bool,
    /// The receiver wants no more of it.
    abandoned: bool,
    /// Parts moved so far: whether there is progress.
    pub moved: u64,
}

/// Which side failed.
#[derive(Debug)]
pub enum FlowError {
    From(Broken),
    To,
}

impl Flow {
    pub fn new() -> Self {
        Self::default()
    }

    /// There is no body: what is left is to send off what was pushed before.
    pub fn empty() -> Self {
        Self {
            read: true,
            ..Self::default()
        }
    }

    /// The body went over as a whole.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// No more is done for it, for whichever reason.
    pub fn is_over(&self) -> bool {
        self.finished || self.abandoned
    }

    /// The sender is what it waits for, if it waits.
    pub fn waits_for_sender(&self) -> bool {
        !self.read
    }

    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Moves on. Ready when the body went over.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Side,
        to: &mut Side,
    ) -> Poll<Result<(), FlowError>> {
        if self.finished {
            return Poll::Ready(Ok(()));
        }
        loop {
            if self.read {
                ready!(to.poll_flush(cx)).map_err(|_| FlowError::To)?;
                self.finished = true;
                self.moved += 1;
                return Poll::Ready(Ok(()));
            }
            ready!(to.poll_room(cx)).map_err(|_| FlowError::To)?;
            match from.poll_part(cx) {
                Poll::Ready(part) => {
                    let part = part.map_err(FlowError::From)?;
                    self.moved += 1;
                    self.read = !matches!(part, Part::Data(_));
                    to.push(part).map_err(|_| FlowError::To)?;
                }
                Poll::Pending => {
                    // Nothing is held back while the sender thinks: events reach their reader at once.
                    ready!(to.poll_flush(cx)).map_err(|_| FlowError::To)?;
                    return Poll::Pending;
                }
            }
        }
    }
}
