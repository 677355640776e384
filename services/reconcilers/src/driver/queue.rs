//! Keys that want a look: each at most once at a time, none lost that is wanted again while it is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// How long a key rests between two looks, so that one busy thing cannot take the whole server.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    pub least: Duration,
    /// Times what the last look took.
    pub factor: u32,
    pub most: Duration,
}

#[derive(Debug, Default)]
struct Entry {
    due: Option<Instant>,
    running: bool,
    /// Rests until then.
    rested: Option<Instant>,
    failures: u32,
}

/// The queue of one loop.
#[derive(Debug)]
pub struct Queue<K> {
    rest: Rest,
    entries: BTreeMap<K, Entry>,
    dues: BTreeSet<(Instant, K)>,
}

/// First delay after a failed look; doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const MOST_DOUBLINGS: u32 = 6;

impl<K: Ord + Clone> Queue<K> {
    pub fn new(rest: Rest) -> Self {
        Self {
            rest,
            entries: BTreeMap::new(),
            dues: BTreeSet::new(),
        }
    }

    /// Number of keys that wait for their look.
    pub fn len(&self) -> usize {
        self.dues.len()
    }

    pub fn is_empty(&self) -> bool {
        self.dues.is_empty()
    }

    /// Makes the key due at `at`, or earlier if it already is; later if it still rests.
    pub fn want(&mut self, key: K, at: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        let at = entry.rested.map_or(at, |rested| at.max(rested));
        if entry.due.is_some_and(|due| due <= at) {
            return;
        }
        if let Some(due) = entry.due.replace(at) {
            self.dues.remove(&(due, key.clone()));
        }
        if !entry.running {
            self.dues.insert((at, key));
        }
    }

    /// When the next key is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// Takes the key that has been due longest, if one is due.
    pub fn take(&mut self, now: Instant) -> Option<K> {
        if self.next_due()? > now {
            return None;
        }
        let (_, key) = self.dues.pop_first()?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.due = None;
            entry.running = true;
        }
        Some(key)
    }

    /// The look at a taken key is over: it rests, then is due again if it was wanted meanwhile or at `again`.
    pub fn finish(&mut self, key: &K, now: Instant, took: Duration, again: Option<Instant>) {
        let rest = (took * self.rest.factor).clamp(self.rest.least, self.rest.most);
        self.settle(key, now + rest, again, false);
    }

    /// The look failed: it is repeated after a delay that grows with each failure in a row.
    pub fn fail(&mut self, key: &K, now: Instant) {
        let failures = self.entries.get(key).map_or(0, |entry| entry.failures);
        let at = now + FIRST_RETRY * 2_u32.pow(failures.min(MOST_DOUBLINGS));
        self.settle(key, at, Some(at), true);
    }

    fn settle(&mut self, key: &K, rested: Instant, again: Option<Instant>, failed: bool) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.running = false;
        entry.failures = if failed {
            entry.failures.saturating_add(1)
        } else {
            0
        };
        entry.rested = Some(rested);
        entry.due = [entry.due, again]
            .into_iter()
            .flatten()
            .min()
            .map(|due| due.max(rested));
        if let Some(due) = entry.due {
            self.dues.insert((due, key.clone()));
        }
    }

    /// Forgets keys that are neither wanted nor resting.
    pub fn prune(&mut self, now: Instant) {
        self.entries.retain(|_, entry| {
            entry.running || entry.due.is_some() || entry.rested.is_some_and(|rested| rested > now)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn queue() -> (Queue<i64>, Instant) {
        (
            Queue::new(Rest {
                least: 5 * MS,
                factor: 2,
                most: 500 * MS,
            }),
            Instant::now(),
        )
    }

    #[test]
    fn a_key_wanted_many_times_is_looked_at_once() {
        let (mut queue, now) = queue();
        queue.want(7, now + 2 * MS);
        queue.want(7, now);
        queue.want(7, now + 9 * MS);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take(now), Some(7));
        assert_eq!(queue.take(now + 99 * MS), None);
    }

    #[test]
    fn a_key_wanted_during_its_look_is_looked_at_again_after_a_rest() {
        let (mut queue, now) = queue();
        queue.want(7, now);
        assert_eq!(queue.take(now), Some(7));
        queue.want(7, now + MS);
        assert_eq!(queue.take(now + MS), None, "never twice at a time");
        queue.finish(&7, now + 10 * MS, 10 * MS, None);
        assert_eq!(queue.next_due(), Some(now + 30 * MS));
        assert_eq!(queue.take(now + 30 * MS), Some(7));
    }

    #[test]
    fn a_timer_gives_way_to_an_earlier_wake() {
        let (mut queue, now) = queue();
        queue.want(7, now);
        queue.take(now);
        queue.finish(&7, now, MS, Some(now + 40_000 * MS));
        assert_eq!(queue.next_due(), Some(now + 40_000 * MS));
        queue.want(7, now + 100 * MS);
        assert_eq!(queue.next_due(), Some(now + 100 * MS));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn failures_in_a_row_are_repeated_ever_more_slowly() {
        let (mut queue, mut now) = queue();
        queue.want(7, now);
        let mut delays = Vec::new();
        for _ in 0..9 {
            assert_eq!(queue.take(now), Some(7));
            queue.fail(&7, now);
            let due = queue.next_due().unwrap();
            delays.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 16000, 16000, 16000]);
        queue.take(now);
        queue.finish(&7, now, MS, None);
        queue.prune(now);
        assert_eq!(queue.entries.len(), 1, "still resting");
        queue.prune(now + 6 * MS);
        assert_eq!(queue.entries.len(), 0);
    }
}
