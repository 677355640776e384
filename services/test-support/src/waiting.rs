//! Waiting for a value, and a clock that may be moved while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;
use tokio::time::Instant;

const LOOK: Duration = Duration::from_millis(15);

/// The first value that `probe` gives.
///
/// # Panics
/// With `what` when there is none within `limit`.
pub async fn eventually<T>(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks until `probe` finds nothing wrong any more.
///
/// # Panics
/// With what was wrong the last time when that takes longer than `limit`.
pub async fn settles(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Result<(), String>) {
    let deadline = Instant::now() + limit;
    while let Err(wrong) = probe().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}: {wrong}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The machine's clock, moved ahead by as much as a test says. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct TestClock {
    ahead_ms: Arc<AtomicI64>,
}

impl TestClock {
    /// Lets so much time pass at once.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::SeqCst))
    }
}
