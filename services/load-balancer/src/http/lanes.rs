//! Tasks that serve the streams of a connection. They stay for later streams, so that a stream costs neither a task nor the memory
//! of its parts, as a request of HTTP/1.1 does not.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

/// As many wait for the next stream; others end with theirs.
const KEPT: usize = 32;

/// The lanes of a connection. Those without work end when it is dropped.
pub struct Lanes<J> {
    shared: Arc<Mutex<Shared<J>>>,
    opened: usize,
}

/// What one task serves.
pub struct Lane<J> {
    shared: Arc<Mutex<Shared<J>>>,
    number: usize,
}

struct Shared<J> {
    jobs: VecDeque<J>,
    idle: Vec<(usize, Waker)>,
    ended: bool,
}

impl<J> Lanes<J> {
    pub fn new() -> Self {
        let shared = Shared {
            jobs: VecDeque::new(),
            idle: Vec::new(),
            ended: false,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            opened: 0,
        }
    }

    /// Gives work to a lane without any; if there is none, gives back one that is to be run.
    pub fn give(&mut self, job: J) -> Option<Lane<J>> {
        let mut shared = self.shared.lock();
        shared.jobs.push_back(job);
        if let Some((_, waker)) = shared.idle.pop() {
            waker.wake();
            return None;
        }
        self.opened += 1;
        Some(Lane {
            shared: self.shared.clone(),
            number: self.opened,
        })
    }
}

impl<J> Drop for Lanes<J> {
    fn drop(&mut self) {
        let mut shared = self.shared.lock();
        shared.ended = true;
        for (_, waker) in shared.idle.drain(..) {
            waker.wake();
        }
    }
}

impl<J> Lane<J> {
    /// The next work, or none when the lane is to end.
    pub async fn next(&self) -> Option<J> {
        poll_fn(|cx| {
            let mut shared = self.shared.lock();
            shared.idle.retain(|(number, _)| *number != self.number);
            if let Some(job) = shared.jobs.pop_front() {
                return Poll::Ready(Some(job));
            }
            if shared.ended || shared.idle.len() >= KEPT {
                return Poll::Ready(None);
            }
            shared.idle.push((self.number, cx.waker().clone()));
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    fn poll(lane: &Lane<u8>) -> Poll<Option<u8>> {
        let mut context = Context::from_waker(Waker::noop());
        std::pin::pin!(lane.next()).poll(&mut context)
    }

    #[test]
    fn a_lane_without_work_gets_the_next_and_another_is_opened_only_if_there_is_none() {
        let mut lanes = Lanes::new();
        let first = lanes.give(1).expect("the first lane");
        assert_eq!(poll(&first), Poll::Ready(Some(1)));
        let second = lanes.give(2).expect("the first is at work");
        assert_eq!(poll(&first), Poll::Ready(Some(2)), "who is free first takes it");
        assert_eq!((poll(&second), poll(&second)), (Poll::Pending, Poll::Pending));
        assert!(lanes.give(3).is_none());
        assert!(lanes.give(4).is_some(), "woken once, it waits no longer");
        assert_eq!(poll(&second), Poll::Ready(Some(3)));
    }

    #[test]
    fn lanes_end_with_their_connection_after_what_they_were_given() {
        let mut lanes = Lanes::new();
        let lane = lanes.give(1).expect("a lane");
        drop(lanes);
        assert_eq!(
            (poll(&lane), poll(&lane)),
            (Poll::Ready(Some(1)), Poll::Ready(None))
        );
    }

    #[test]
    fn only_some_lanes_wait() {
        let mut lanes = Lanes::new();
        let opened: Vec<_> = (0..=KEPT as u8).filter_map(|job| lanes.give(job)).collect();
        for lane in &opened {
            assert!(matches!(poll(lane), Poll::Ready(Some(_))));
        }
        let ended = opened.iter().filter(|lane| poll(lane).is_ready());
        assert_eq!(ended.count(), 1);
    }
}
