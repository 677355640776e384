//! The time of day, passed in wherever logic depends on it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> DateTime<Utc>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl ManualClock {
    pub fn new(start: DateTime<Utc>) -> Self {
        Self {
            now: Arc::new(Mutex::new(start)),
        }
    }

    /// Moves the clock by `by`; a negative difference moves it back, as a corrected machine clock does.
    pub fn advance(&self, by: TimeDelta) {
        *self.now.lock() += by;
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock() = now;
    }
}

impl Default for ManualClock {
    /// Starts at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(DateTime::from_timestamp(1_767_225_600, 0).expect("a time within range"))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_for_all_clones() {
        let clock = ManualClock::default();
        let seen: Arc<dyn Clock> = Arc::new(clock.clone());
        assert_eq!(seen.now().to_rfc3339(), "2026-01-01T00:00:00+00:00");
        clock.advance(TimeDelta::minutes(5));
        assert_eq!(seen.now().to_rfc3339(), "2026-01-01T00:05:00+00:00");
    }
}
