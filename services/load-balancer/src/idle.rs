//! A deadline that moves with every sign of life, at next to no cost: the timer is only set anew when it rings too early.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One timer, for one deadline after another.
#[derive(Default)]
pub struct Idle {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Ready once `deadline` is past.
    pub fn poll_past(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if deadline <= timer.deadline() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// What `future` gives, or none when it does not end within `limit`.
    pub async fn within<F: Future>(&mut self, limit: Duration, future: F) -> Option<F::Output> {
        let deadline = Instant::now() + limit;
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.poll_past(cx, deadline).map(|()| None)
        })
        .await
    }
}
