//! When which target is checked next: one queue for all of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::time::{Duration, Instant};

/// The first pause between checks of a target that was never judged.
const EAGER: Duration = Duration::from_millis(500);

/// Checks to come, by time. Entries of targets that are no more are skipped when their time comes.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Agenda {
    pub fn put(&mut self, due: Instant, number: u64) {
        self.queue.push(Reverse((due, number)));
    }

    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((due, _))| *due)
    }

    /// The next target whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<u64> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, number))| number)
    }
}

/// The rhythm of one target's checks. The interval counts; while a target was never judged it is also tried in between, so that one
/// that is just starting is found soon, but only failures in the rhythm count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// When the next check that counts is due.
    beat: Instant,
    pause: Duration,
    /// Moves the target away from those that were registered with it; used once.
    phase: f64,
}

impl Rhythm {
    /// Begins now. `phase`, from 0 to 1, spreads the checks of many targets over the interval.
    pub fn new(now: Instant, phase: f64) -> Self {
        Self {
            beat: now,
            pause: EAGER,
            phase,
        }
    }

    /// Whether a check that began at `began` counts although it failed.
    pub fn counts(&self, began: Instant) -> bool {
        began >= self.beat
    }

    /// After a check that began at `began`: when the next one is due.
    pub fn next(&mut self, began: Instant, now: Instant, interval: Duration, is_initial: bool) -> Instant {
        if self.counts(began) {
            self.beat = began + interval.mul_f64(1.0 - self.phase / 2.0);
            self.phase = 0.0;
        }
        let mut due = self.beat;
        if is_initial {
            due = due.min(began + self.pause);
            self.pause *= 2;
        }
        due.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    #[test]
    fn lb15_checks_keep_their_interval_after_a_first_one_that_spreads_them() {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(start, 0.5);
        let second = rhythm.next(start, start, INTERVAL, false);
        assert_eq!(second - start, INTERVAL.mul_f64(0.75));
        let third = rhythm.next(second, second, INTERVAL, false);
        assert_eq!(third - second, INTERVAL);
    }

    #[test]
    fn lb17_a_target_that_was_never_judged_is_tried_in_between_without_counting() {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(start, 0.0);
        assert!(rhythm.counts(start));
        let mut due = rhythm.next(start, start, INTERVAL, true);
        let mut tries = Vec::new();
        while !rhythm.counts(due) {
            tries.push((due - start).as_secs_f64());
            due = rhythm.next(due, due, INTERVAL, true);
        }
        assert_eq!(tries, [0.5, 1.5, 3.5, 7.5, 15.5]);
        assert_eq!(due - start, INTERVAL);
    }

    #[test]
    fn targets_come_up_in_the_order_of_their_time() {
        let start = Instant::now();
        let mut agenda = Agenda::default();
        agenda.put(start + INTERVAL, 1);
        agenda.put(start, 2);
        assert_eq!(agenda.next(), Some(start));
        assert_eq!((agenda.pop(start), agenda.pop(start)), (Some(2), None));
        assert_eq!(agenda.pop(start + INTERVAL), Some(1));
    }
}
