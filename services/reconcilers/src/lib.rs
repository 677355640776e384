//! The loops that bring about what users asked for: a snapshot of what is, a pure plan, conditional writes.
//!
//! | loop | looks after |
//! | --- | --- |
//! | [`service_scheduler`] | each service's tasks, deployments and events |
//! | [`target_registrar`] | what services' tasks are registered as in target groups |
//! | [`host_watcher`] | hosts whose agents went away, and servers that went with their agents' sessions |
//! | `sleeper` | services that sleep while nobody asks for them |
//! | [`task_reaper`] | what was kept long enough |
//! | [`certificate_issuer`] | orders of certificates at an ACME directory, and their renewals |
//!
//! To add one: a file with a [`driver::Reconciler`] or, if it needs no keys, a [`driver::round::Round`], and a line in [`Reconcilers::start`].

pub mod certificate_issuer;
pub mod config;
pub mod driver;
pub mod host_watcher;
mod leadership;
pub mod service_scheduler;
mod sleeper;
pub mod target_registrar;
pub mod task_reaper;

use std::sync::Arc;

use auth::Vault;
use kit::{Clock, Random, Tasks};
use store::Db;
use store::placement::Placer;
use tokio::sync::{Notify, watch};

pub use config::{AcmeConfig, ReconcilerConfig};
pub use driver::status::LoopStatus;

use certificate_issuer::CertificateIssuer;
use driver::status::StatusCell;
use driver::{Frame, Reconciler};
use host_watcher::HostWatcher;
use service_scheduler::ServiceScheduler;
use sleeper::Sleeper;
use target_registrar::TargetRegistrar;
use task_reaper::TaskReaper;

/// What the loops work with. Cheap to clone.
#[derive(Clone)]
pub struct Surroundings {
    pub db: Db,
    pub placer: Placer,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    pub vault: Arc<Vault>,
    pub config: Arc<ReconcilerConfig>,
}

/// The running loops of this server. Clones see the same loops.
#[derive(Clone)]
pub struct Reconcilers {
    demand: Arc<Notify>,
    loops: Arc<[StatusCell]>,
}

impl Reconcilers {
    /// Starts all loops under `tasks`. Of several servers on one database one runs them; the others stand by.
    pub fn start(tasks: &Tasks, surroundings: &Surroundings) -> Self {
        let (lead, leading) = watch::channel(false);
        let (db, shutdown) = (surroundings.db.clone(), tasks.shutdown().clone());
        tasks.spawn("reconcilers-lead", async move {
            shutdown.unless_requested(leadership::run(db, lead)).await;
        });
        let mut starter = Starter {
            tasks,
            surroundings,
            leading,
            demand: Arc::default(),
            loops: Vec::new(),
        };
        starter.start(ServiceScheduler::new(surroundings));
        starter.start(TargetRegistrar::new(surroundings));
        starter.start(HostWatcher::new(surroundings));
        starter.start(Sleeper::new(surroundings));
        starter.start(TaskReaper::new(surroundings));
        if let Some(acme) = &surroundings.config.acme {
            starter.start(CertificateIssuer::new(surroundings, acme.clone()));
        }
        Self {
            demand: starter.demand,
            loops: starter.loops.into(),
        }
    }

    /// What each loop has been doing in this server.
    pub fn statuses(&self) -> Vec<LoopStatus> {
        self.loops.iter().map(StatusCell::get).collect()
    }

    /// Makes all loops look at everything now.
    pub fn look_now(&self) {
        self.demand.notify_waiters();
    }
}

struct Starter<'a> {
    tasks: &'a Tasks,
    surroundings: &'a Surroundings,
    leading: watch::Receiver<bool>,
    demand: Arc<Notify>,
    loops: Vec<StatusCell>,
}

impl Starter<'_> {
    fn start<R: Reconciler>(&mut self, reconciler: R) {
        let status = StatusCell::new(R::NAME);
        self.loops.push(status.clone());
        let frame = Frame {
            db: self.surroundings.db.clone(),
            clock: self.surroundings.clock.clone(),
            random: self.surroundings.random.clone(),
            shutdown: self.tasks.shutdown().clone(),
            leading: self.leading.clone(),
            demand: self.demand.clone(),
            status,
        };
        self.tasks.spawn(R::NAME, driver::run(reconciler, frame));
    }
}
