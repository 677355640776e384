//! Waiting longer after each failure, with jitter so that many clients do not come back at the same moment.

use std::time::Duration;

use crate::random::Random;

/// Exponential back-off between a first and a greatest delay.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    greatest: Duration,
    multiplier: f64,
    jitter: f64,
    failures: u32,
}

impl Backoff {
    /// Starts at `first`, doubles up to `greatest`; up to half of each delay is left to chance.
    pub fn new(first: Duration, greatest: Duration) -> Self {
        Self {
            first,
            greatest,
            multiplier: 2.0,
            jitter: 0.5,
            failures: 0,
        }
    }

    /// Grows by `multiplier` (at least 1) instead of 2.
    pub fn with_multiplier(self, multiplier: f64) -> Self {
        Self {
            multiplier: multiplier.max(1.0),
            ..self
        }
    }

    /// Leaves the share `jitter` (0 to 1) of each delay to chance instead of half of it.
    pub fn with_jitter(self, jitter: f64) -> Self {
        Self {
            jitter: jitter.clamp(0.0, 1.0),
            ..self
        }
    }

    /// How many delays were taken since the start or the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The delay before the next attempt: never above the greatest one, below it by at most the jitter's share.
    pub fn next_delay(&mut self, random: &Random) -> Duration {
        let grown = self.first.as_secs_f64() * self.multiplier.powf(f64::from(self.failures));
        let full = grown.min(self.greatest.as_secs_f64());
        self.failures = self.failures.saturating_add(1);
        Duration::from_secs_f64(full * (1.0 - self.jitter * random.fraction()))
    }

    /// Starts from the first delay again; to be called after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_grow_to_the_greatest_and_start_over_after_a_reset() {
        let random = Random::seeded(1);
        let mut backoff = Backoff::new(SECOND, 10 * SECOND).with_jitter(0.0);
        let delays: Vec<u64> = (0..6).map(|_| backoff.next_delay(&random).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
        backoff.reset();
        assert_eq!(backoff.next_delay(&random), SECOND);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let random = Random::seeded(2);
        let mut backoff = Backoff::new(SECOND, SECOND).with_jitter(0.2);
        let delays: Vec<Duration> = (0..200).map(|_| backoff.next_delay(&random)).collect();
        assert!(delays.iter().all(|d| (SECOND.mul_f64(0.8)..=SECOND).contains(d)));
        assert!(delays.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn endless_failures_do_not_overflow() {
        let random = Random::seeded(3);
        let mut backoff = Backoff {
            failures: u32::MAX,
            ..Backoff::new(SECOND, 60 * SECOND).with_jitter(0.0)
        };
        assert_eq!(backoff.next_delay(&random), 60 * SECOND);
    }
}
