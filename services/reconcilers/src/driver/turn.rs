//! The time during which this server leads without a break: one queue of keys, several looks at once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use store::{Result, StoreError, Wake};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::queue::{Queue, Rest};
use super::{Concern, Frame, Looked, Reconciler, Sweep};

/// Wakes of one change come in bursts: wait this long for the rest of them.
const DEBOUNCE: Duration = Duration::from_millis(2);
const REST_OF_KEYS: Rest = Rest {
    least: Duration::ZERO,
    factor: 2,
    most: Duration::from_millis(500),
};
const REST_OF_SWEEPS: Rest = Rest {
    least: Duration::from_millis(100),
    factor: 3,
    most: Duration::from_secs(2),
};

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One thing that nobody thought of must not stop the loop for all others.
    #[error("it panicked: {0}")]
    Panicked(String),
}

enum Done<K> {
    Looked {
        key: K,
        took: Duration,
        result: std::result::Result<Looked, Failed>,
    },
    Swept {
        sweep: Sweep,
        took: Duration,
        result: Result<Vec<K>>,
    },
}

pub(super) struct Turn<'a, R: Reconciler> {
    reconciler: &'a R,
    frame: &'a Frame,
    sweeps: Queue<Sweep>,
    keys: Queue<R::Key>,
    /// How many of the running futures are looks at keys.
    looking: usize,
    running: FuturesUnordered<BoxFuture<'a, Done<R::Key>>>,
}

impl<'a, R: Reconciler> Turn<'a, R> {
    pub(super) fn new(reconciler: &'a R, frame: &'a Frame) -> Self {
        let mut sweeps = Queue::new(REST_OF_SWEEPS);
        sweeps.want(Sweep::Everything, Instant::now());
        sweeps.want(Sweep::Unfinished, Instant::now() + reconciler.period());
        Self {
            reconciler,
            frame,
            sweeps,
            keys: Queue::new(REST_OF_KEYS),
            looking: 0,
            running: FuturesUnordered::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut wakes = self.frame.db.wakes().listen();
        loop {
            self.start_due();
            let next_due = self.next_due();
            tokio::select! {
                wake = wakes.next() => self.take(wake),
                Some(done) = self.running.next(), if !self.running.is_empty() => self.finish(done),
                () = self.frame.demand.notified() => self.sweeps.want(Sweep::Everything, Instant::now()),
                () = tokio::time::sleep_until(next_due) => {}
            }
        }
    }

    /// When something has to be started next; a far time if nothing has or nothing may.
    fn next_due(&self) -> Instant {
        let keys = if self.looking < R::CONCURRENCY {
            self.keys.next_due()
        } else {
            None
        };
        let due = [keys, self.sweeps.next_due()].into_iter().flatten().min();
        due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60))
    }

    fn take(&mut self, wake: Wake) {
        let soon = Instant::now() + DEBOUNCE;
        if wake == Wake::Everything {
            return self.sweeps.want(Sweep::Everything, soon);
        }
        match self.reconciler.concern(wake) {
            Concern::Nothing => {}
            Concern::Key(key) => self.keys.want(key, soon),
            Concern::Noted => self.sweeps.want(Sweep::Noted, soon),
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        let reconciler = self.reconciler;
        while let Some(sweep) = self.sweeps.take(now) {
            self.running.push(Box::pin(async move {
                let result = reconciler.sweep(sweep).await;
                Done::Swept {
                    sweep,
                    took: now.elapsed(),
                    result,
                }
            }));
        }
        while self.looking < R::CONCURRENCY
            && let Some(key) = self.keys.take(now)
        {
            self.looking += 1;
            self.running.push(Box::pin(async move {
                let looked = kit::catching_panics(reconciler.reconcile(key.clone())).await;
                Done::Looked {
                    key,
                    took: now.elapsed(),
                    result: looked
                        .map_err(Failed::Panicked)
                        .and_then(|result| result.map_err(Failed::Store)),
                }
            }));
        }
    }

    fn finish(&mut self, done: Done<R::Key>) {
        match done {
            Done::Swept { sweep, took, result } => self.swept(sweep, took, result),
            Done::Looked { key, took, result } => self.looked(key, took, result),
        }
        let (waiting, running) = (self.keys.len(), self.looking);
        self.frame
            .status
            .change(|status| (status.waiting, status.running) = (waiting, running));
    }

    fn swept(&mut self, sweep: Sweep, took: Duration, result: Result<Vec<R::Key>>) {
        let now = Instant::now();
        match result {
            Ok(keys) => {
                debug!(?sweep, keys = keys.len(), "swept");
                keys.into_iter().for_each(|key| self.keys.want(key, now));
                let again = match sweep {
                    Sweep::Everything => Some(self.reconciler.full_period()),
                    Sweep::Unfinished => Some(self.reconciler.period()),
                    Sweep::Noted => None,
                };
                let again =
                    again.map(|period| now + period.mul_f64(0.9 + 0.2 * self.frame.random.fraction()));
                self.sweeps.finish(&sweep, now, took, again);
            }
            Err(error) => {
                warn!(loop_name = R::NAME, ?sweep, error = %Chain(&error), "cannot look for work");
                self.frame.status.failed(&Chain(&error).to_string());
                self.sweeps.fail(&sweep, now);
            }
        }
        self.keys.prune(now);
    }

    fn looked(&mut self, key: R::Key, took: Duration, result: std::result::Result<Looked, Failed>) {
        self.looking -= 1;
        let now = Instant::now();
        match result {
            Ok(looked) => {
                self.frame
                    .status
                    .looked(self.frame.clock.now(), took, &looked.did);
                let timer = looked.again_at.map(|at| now + self.until(at));
                let again = if looked.again_now { Some(now) } else { timer };
                self.keys.finish(&key, now, took, again);
            }
            Err(error) => {
                warn!(loop_name = R::NAME, ?key, error = %Chain(&error), "look failed, will look again");
                self.frame.status.failed(&Chain(&error).to_string());
                self.keys.fail(&key, now);
            }
        }
    }

    fn until(&self, at: DateTime<Utc>) -> Duration {
        (at - self.frame.clock.now()).to_std().unwrap_or_default()
    }
}

/// An error with its causes, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kit::{ManualClock, Random, Shutdown};
    use test_support::TestDb;
    use tokio::sync::{Notify, mpsc, watch};

    use super::super::status::StatusCell;
    use super::*;

    /// Panics at one key and tells of the others.
    struct Touchy(mpsc::UnboundedSender<i64>);

    impl Reconciler for Touchy {
        type Key = i64;
        const NAME: &'static str = "touchy";
        const CONCURRENCY: usize = 2;

        fn period(&self) -> Duration {
            Duration::from_millis(1)
        }

        fn concern(&self, _: Wake) -> Concern<i64> {
            Concern::Nothing
        }

        async fn sweep(&self, _: Sweep) -> Result<Vec<i64>> {
            Ok(vec![1, 2, 3])
        }

        async fn reconcile(&self, key: i64) -> Result<Looked> {
            assert_ne!(key, 2, "nobody thought of this");
            let _ = self.0.send(key);
            Ok(Looked::default())
        }
    }

    #[tokio::test]
    async fn a_panic_at_one_key_is_a_failure_and_the_others_are_looked_at_on_and_on() {
        let test_db = TestDb::new().await;
        let status = StatusCell::new("touchy");
        let frame = Frame {
            db: test_db.db(),
            clock: Arc::new(ManualClock::default()),
            random: Random::seeded(1),
            shutdown: Shutdown::new(),
            leading: watch::channel(true).1,
            demand: Arc::new(Notify::new()),
            status: status.clone(),
        };
        let (told, mut looks) = mpsc::unbounded_channel();
        let touchy = Touchy(told);
        let thrice = async {
            let mut threes = 0;
            while threes < 3 {
                threes += u32::from(looks.recv().await == Some(3));
            }
        };
        tokio::select! {
            () = Turn::new(&touchy, &frame).run() => {}
            () = thrice => {}
        }
        let status = status.get();
        assert!(status.failures >= 1);
        let error = status.last_error.unwrap_or_default();
        assert!(
            error.contains("it panicked") && error.contains("nobody thought of this"),
            "{error}"
        );
    }
}
