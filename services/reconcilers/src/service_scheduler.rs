//! Brings each service to the tasks that are wanted of it (sections 11 and 12 of the behaviour rules).
//!
//! One look at a service: load what is, let `planning::deployment` make a plan, write the plan, place its starts, tell what came of
//! them. All writes commit only against the generation that the plan was made of, so two servers may look at the same time.

mod definitions;
mod hooks;
mod snapshot;
mod starts;
mod targets;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::{Clock, Random};
use parking_lot::Mutex;
use planning::deployment::{self, Plan, RolloutState, Snapshot, events};
use store::placement::Placer;
use store::services::{apply, load, sweep};
use store::{Db, Result, Wake};
use uuid::Uuid;

use crate::driver::{Concern, Looked, Reconciler, Sweep};
use crate::{ReconcilerConfig, Surroundings};

use definitions::Definitions;

/// The service scheduler. Keys are row ids of services.
pub struct ServiceScheduler {
    db: Db,
    placer: Placer,
    clock: Arc<dyn Clock>,
    random: Random,
    config: Arc<ReconcilerConfig>,
    definitions: Definitions,
    /// Hosts that changed since the last sweep over them.
    hosts: Mutex<Hosts>,
}

#[derive(Default)]
struct Hosts {
    clusters: BTreeSet<i64>,
    instances: BTreeSet<Uuid>,
}

impl ServiceScheduler {
    pub fn new(surroundings: &Surroundings) -> Self {
        let Surroundings {
            db,
            placer,
            clock,
            random,
            config,
            ..
        } = surroundings.clone();
        let definitions = Definitions::new(db.clone());
        Self {
            db,
            placer,
            clock,
            random,
            config,
            definitions,
            hosts: Mutex::default(),
        }
    }

    async fn look(&self, service: i64) -> Result<Looked> {
        let now = self.clock.now();
        let Some(loaded) = load::load(&self.db, service, now - events::QUIET_PERIOD).await? else {
            return Ok(Looked::default());
        };
        let snapshot = snapshot::of(&loaded, &self.definitions, &self.config).await?;
        let plan = deployment::plan(&snapshot, now, &mut self.random.fork());
        let settled = is_settled(&snapshot, &plan);
        let mut generation = loaded.service.generation;
        let mut looked = Looked {
            again_at: plan.wake_at,
            ..Looked::default()
        };
        if writes(&plan) || settled != loaded.service.settled {
            match apply::apply(&self.db, &loaded, &plan, settled, now).await? {
                apply::Applied::Overtaken => {
                    return Ok(Looked {
                        again_now: true,
                        ..Looked::default()
                    });
                }
                apply::Applied::Blocked => return Ok(Looked::default()),
                apply::Applied::Done {
                    generation: raised,
                    stopped,
                } => {
                    generation = raised;
                    looked.did.push(("tasks_stopped", stopped as u64));
                }
            }
        }
        if !plan.start.is_empty() {
            let started = self.start(&loaded, &snapshot, &plan, generation).await?;
            looked.again_now = started.look_again;
            looked.did.extend([
                ("tasks_started", started.tasks),
                ("tasks_unplaced", started.unplaced),
            ]);
        }
        Ok(looked)
    }
}

/// The plan has something for the database besides its starts.
fn writes(plan: &Plan) -> bool {
    !Plan {
        start: Vec::new(),
        ..plan.clone()
    }
    .is_empty()
}

/// Nothing is missing or under way: only a wake, or the time that the plan names, can change anything.
fn is_settled(snapshot: &Snapshot, plan: &Plan) -> bool {
    let steady = plan.steady.unwrap_or(snapshot.service.steady);
    let [only] = snapshot.deployments.as_slice() else {
        return false;
    };
    let changed = plan
        .deployments
        .iter()
        .find(|(id, _)| *id == only.id)
        .map(|(_, progress)| progress);
    let progress = changed.unwrap_or(&only.progress);
    steady.reached && progress.rollout_state == RolloutState::Completed
}

impl Reconciler for ServiceScheduler {
    type Key = i64;
    const NAME: &'static str = "service_scheduler";
    const CONCURRENCY: usize = 8;

    fn period(&self) -> Duration {
        self.config.unsettled_period
    }

    fn full_period(&self) -> Duration {
        self.config.service_period
    }

    fn concern(&self, wake: Wake) -> Concern<i64> {
        match wake {
            Wake::Service(id) => Concern::Key(id),
            Wake::Host(cluster, instance) => {
                let mut hosts = self.hosts.lock();
                hosts.clusters.insert(cluster);
                hosts.instances.insert(instance);
                Concern::Noted
            }
            _ => Concern::Nothing,
        }
    }

    async fn sweep(&self, what: Sweep) -> Result<Vec<i64>> {
        match what {
            Sweep::Everything => sweep::live(&self.db).await,
            Sweep::Unfinished => sweep::unfinished(&self.db).await,
            Sweep::Noted => {
                let noted = std::mem::take(&mut *self.hosts.lock());
                let clusters = Vec::from_iter(noted.clusters.iter().copied());
                let instances = Vec::from_iter(noted.instances.iter().copied());
                let concerned = sweep::concerned(&self.db, &clusters, &instances).await;
                if concerned.is_err() {
                    let mut hosts = self.hosts.lock();
                    hosts.clusters.extend(noted.clusters);
                    hosts.instances.extend(noted.instances);
                }
                concerned
            }
        }
    }

    async fn reconcile(&self, service: i64) -> Result<Looked> {
        self.look(service).await
    }
}
