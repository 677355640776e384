//! The frame of every loop: which keys to look at and when, by wakes, by the period, by timers and on demand.
//!
//! A loop says *which* thing may need something; what it needs is always found out from the database. Nothing is retried
//! inside: the next look is the retry.

pub mod queue;
pub mod round;
pub mod status;
mod turn;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::{Clock, Random, Shutdown};
use store::{Db, Result, Wake};
use tokio::sync::{Notify, watch};

use self::status::StatusCell;
use self::turn::Turn;

/// What a wake means to a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern<K> {
    Nothing,
    /// This key may need something.
    Key(K),
    /// The loop took a note of it; a sweep over [`Sweep::Noted`] will name the keys.
    Noted,
}

/// How thoroughly to look for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sweep {
    /// Everything that lives: at the start, from time to time, on demand and after a gap in the wakes.
    Everything,
    /// What is known to be unfinished: every period.
    Unfinished,
    /// What the wakes noted since the last time concern.
    Noted,
}

/// What one look at a key came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// When something is due without a wake.
    pub again_at: Option<DateTime<Utc>>,
    /// Somebody else changed the thing meanwhile, or there is more to do: look again at once.
    pub again_now: bool,
    /// What was done, for the status: name and number.
    pub did: Vec<(&'static str, u64)>,
}

/// One loop.
pub trait Reconciler: Send + Sync + 'static {
    /// What is looked at independently of the others.
    type Key: Ord + Clone + Debug + Send + Sync + 'static;
    const NAME: &'static str;
    /// How many keys are looked at at the same time.
    const CONCURRENCY: usize;

    /// Time between two sweeps over what is unfinished (±10%).
    fn period(&self) -> Duration;

    /// Time between two sweeps over everything (±10%).
    fn full_period(&self) -> Duration {
        self.period()
    }

    /// What the wake means. Never asked about [`Wake::Everything`].
    fn concern(&self, wake: Wake) -> Concern<Self::Key>;

    /// The keys that may need something.
    fn sweep(&self, sweep: Sweep) -> impl Future<Output = Result<Vec<Self::Key>>> + Send;

    /// Looks at the key and does what is missing. Safe to run on several servers at once.
    fn reconcile(&self, key: Self::Key) -> impl Future<Output = Result<Looked>> + Send;
}

/// What a loop needs of its surroundings.
pub(crate) struct Frame {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    pub shutdown: Shutdown,
    /// True while this server is the one that runs the loops.
    pub leading: watch::Receiver<bool>,
    /// Asks for a sweep over everything.
    pub demand: Arc<Notify>,
    pub status: StatusCell,
}

/// Runs the loop whenever this server leads, until the shutdown.
pub(crate) async fn run<R: Reconciler>(reconciler: R, frame: Frame) {
    let shutdown = frame.shutdown.clone();
    shutdown
        .unless_requested(lead_again_and_again(&reconciler, &frame))
        .await;
}

async fn lead_again_and_again<R: Reconciler>(reconciler: &R, frame: &Frame) {
    let mut leading = frame.leading.clone();
    // The sender goes only when the process ends.
    while leading.wait_for(|leading| *leading).await.is_ok() {
        frame.status.change(|status| status.leading = true);
        let mut lost = leading.clone();
        tokio::select! {
            _ = lost.wait_for(|leading| !*leading) => {}
            () = Turn::new(reconciler, frame).run() => {}
        }
        frame.status.change(|status| status.leading = false);
    }
}
