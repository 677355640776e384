//! The drain token: requested once, seen by every loop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Says whether this process, or one part of it, has been asked to finish. Clones share the same state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A token that nobody has requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who holds this token, or a child of it, to finish. Doing so twice changes nothing.
    pub fn request(&self) {
        self.token.cancel();
    }

    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends when the shutdown is requested; at once if it already was.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// A token for a part of the whole: requested together with this one, or alone without touching this one.
    pub fn child(&self) -> Self {
        Self {
            token: self.token.child_token(),
        }
    }

    /// Runs `future` to its end, or drops it and gives `None` when the shutdown is requested first.
    pub async fn unless_requested<F: Future>(&self, future: F) -> Option<F::Output> {
        self.token.run_until_cancelled(future).await
    }
}

/// Waits for SIGTERM or SIGINT and gives its name.
///
/// # Errors
/// When the process may not install signal handlers.
pub async fn termination_signal() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_follows_its_parent_and_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (one, two) = (parent.child(), parent.child());
        one.request();
        assert!(one.is_requested() && !parent.is_requested() && !two.is_requested());
        parent.request();
        two.requested().await;
    }

    #[tokio::test]
    async fn work_is_dropped_when_the_shutdown_comes_first() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.unless_requested(async { 7 }).await, Some(7));
        shutdown.request();
        assert_eq!(
            shutdown.unless_requested(std::future::pending::<()>()).await,
            None
        );
    }
}
