//! Loops that go over all that they look after in one look, from time to time and whatever happens.

use std::time::Duration;

use store::{Result, Wake};

use super::{Concern, Looked, Reconciler, Sweep};

/// A loop without keys: it needs no wakes, and several looks at a time would be in each other's way.
pub trait Round: Send + Sync + 'static {
    const NAME: &'static str;

    /// Time between two looks (±10%).
    fn period(&self) -> Duration;

    /// Looks at everything and does what is due. Safe to run on several servers at once.
    fn look(&self) -> impl Future<Output = Result<Looked>> + Send;
}

impl<R: Round> Reconciler for R {
    type Key = ();
    const NAME: &'static str = R::NAME;
    const CONCURRENCY: usize = 1;

    fn period(&self) -> Duration {
        Round::period(self)
    }

    fn concern(&self, _: Wake) -> Concern<()> {
        Concern::Nothing
    }

    async fn sweep(&self, _: Sweep) -> Result<Vec<()>> {
        Ok(vec![()])
    }

    async fn reconcile(&self, (): ()) -> Result<Looked> {
        self.look().await
    }
}
