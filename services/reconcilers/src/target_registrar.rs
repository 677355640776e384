//! Keeps the targets of services' tasks what the tasks are (LB-01, LB-02): registers tasks whose ports are bound, takes out those that
//! ended by themselves, removes targets that have drained, and tells gateways when a task that waited for that may be stopped (T-43).
//!
//! Tasks that are *asked* to stop are taken out of their target groups by whoever asks, in the same transaction.

mod assign;

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::services::targets::{self, Mended, Mending};
use store::{Db, Result, Wake};

use crate::driver::{Concern, Looked, Reconciler, Sweep};
use crate::{ReconcilerConfig, Surroundings};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Targets that have drained, and those of tasks that nobody remembers.
    Leftovers,
    /// The targets of a service, by its row id.
    Service(i64),
}

/// Mends targets.
pub struct TargetRegistrar {
    db: Db,
    clock: Arc<dyn Clock>,
    config: Arc<ReconcilerConfig>,
}

impl TargetRegistrar {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            db: surroundings.db.clone(),
            clock: surroundings.clock.clone(),
            config: surroundings.config.clone(),
        }
    }

    async fn mend(&self, service: i64) -> Result<Looked> {
        let now = self.clock.now();
        let Some(standing) = targets::standing(&self.db, service).await? else {
            return Ok(Looked::default());
        };
        let mending = assign::mending(&standing);
        let mut looked = Looked::default();
        if mending != Mending::default() {
            let Mended {
                registered,
                deregistered,
            } = targets::mend(&self.db, service, &mending, now).await?;
            looked.did.extend([
                ("registered", registered as u64),
                ("deregistered", deregistered as u64),
            ]);
        }
        for (instance, until) in standing.drains {
            match instance {
                Some(instance) if until <= now => self.db.wakes().send(Wake::Instance(instance)),
                _ if until > now => {
                    looked.again_at = Some(looked.again_at.map_or(until, |earlier| until.min(earlier)));
                }
                _ => {}
            }
        }
        Ok(looked)
    }

    async fn clear(&self) -> Result<Looked> {
        Ok(Looked {
            again_at: targets::clear(&self.db, self.clock.now()).await?,
            ..Looked::default()
        })
    }
}

impl Reconciler for TargetRegistrar {
    type Key = Key;
    const NAME: &'static str = "target_registrar";
    const CONCURRENCY: usize = 4;

    fn period(&self) -> Duration {
        self.config.unsettled_period
    }

    fn full_period(&self) -> Duration {
        self.config.service_period
    }

    fn concern(&self, wake: Wake) -> Concern<Key> {
        match wake {
            Wake::Service(id) => Concern::Key(Key::Service(id)),
            _ => Concern::Nothing,
        }
    }

    async fn sweep(&self, what: Sweep) -> Result<Vec<Key>> {
        let services = match what {
            Sweep::Everything => targets::services_with_load_balancers(&self.db).await?,
            Sweep::Unfinished => targets::services_to_mend(&self.db).await?,
            Sweep::Noted => return Ok(Vec::new()),
        };
        let keys = services.into_iter().map(Key::Service);
        Ok(keys.chain([Key::Leftovers]).collect())
    }

    async fn reconcile(&self, key: Key) -> Result<Looked> {
        match key {
            Key::Leftovers => self.clear().await,
            Key::Service(id) => self.mend(id).await,
        }
    }
}
