//! Starting tasks: choosing hosts and committing the choice, so that no host is ever over-committed (section 8).
//!
//! Each cluster has one loop in each server. It takes all the jobs that wait, places them one after the other on a cached picture of the
//! cluster, and commits them in one transaction that only succeeds if every host it uses still has the revision that it was planned on.
//! So several servers may place in the same cluster: who comes second reads the changed hosts again and plans anew.

mod commit;
mod hosts;
mod queue;

use std::collections::HashMap;
use std::sync::Arc;

use domain::{ContainerInstanceId, Resources, Scope};
use kit::Clock;
use parking_lot::Mutex;
use planning::placement::{Refusal, Request};

use crate::tags::Tag;
use crate::tasks::{ContainerRecord, TaskRow, TaskSpec};
use crate::tokens::{Token, Use};
use crate::{Db, Result, StoreError};

/// The cluster that a job is about.
#[derive(Debug, Clone)]
pub struct InCluster {
    pub id: i64,
    pub name: String,
    pub scope: Scope,
}

/// Where the tasks of a job may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This many tasks, wherever they fit (RunTask, services).
    Anywhere(usize),
    /// One task on each of these instances (StartTask, DAEMON services).
    Instances(Vec<ContainerInstanceId>),
}

/// What each task of a job is made of.
#[derive(Debug, Clone)]
pub struct TaskTemplate {
    pub task_definition_id: i64,
    /// Row id of the service and the digits of its deployment.
    pub service: Option<(i64, i64)>,
    pub group: String,
    pub started_by: Option<String>,
    /// `EC2` or `EXTERNAL`.
    pub launch_type: String,
    pub resources: Resources,
    /// GPUs of each container, in the order of `containers`.
    pub gpu_counts: Vec<usize>,
    pub spec: TaskSpec,
    /// Their ids are replaced by fresh ones.
    pub containers: Vec<ContainerRecord>,
}

/// The plan was made of this generation of the service; if it has another one by now, nothing is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    pub service_id: i64,
    pub generation: i64,
}

/// Tasks to be started.
#[derive(Debug, Clone)]
pub struct Job {
    pub cluster: InCluster,
    pub target: Target,
    pub request: Request,
    pub template: TaskTemplate,
    pub token: Option<Token>,
    pub guard: Option<Guard>,
    /// Tags of each task (TG-04, TG-05 have been applied).
    pub tags: Vec<Tag>,
}

/// What became of a job.
#[derive(Debug, Clone)]
pub enum Placed {
    Done(Outcome),
    /// The client token was used before; nothing was started now.
    Replayed(Use),
    /// The service changed since the plan was made; nothing was started.
    GuardLost,
}

/// Tasks that were started, and why others were not.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub tasks: Vec<TaskRow>,
    /// What the API shows of each task's host, in the order of `tasks`.
    pub places: Vec<Place>,
    /// One entry for each instance that was looked at and did not fit; empty if all tasks were placed.
    pub refusals: Vec<Refusal>,
    /// The nearest miss, for the service event (S-42).
    pub closest: Option<Refusal>,
    /// The cluster has no container instances at all.
    pub no_instances: bool,
    /// The service's generation after this commit, if there was a guard.
    pub generation: Option<i64>,
}

/// What the API shows of the host that a task was placed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub availability_zone: Option<String>,
    pub cpu_architecture: Option<String>,
}

struct Shared {
    db: Db,
    clock: Arc<dyn Clock>,
    tasks: kit::Tasks,
    queues: Mutex<HashMap<i64, queue::Queue>>,
}

/// Places and starts tasks. Clones share the same loops.
#[derive(Clone)]
pub struct Placer {
    shared: Arc<Shared>,
}

impl Placer {
    /// A placer whose loops run under `tasks`.
    pub fn new(db: Db, clock: Arc<dyn Clock>, tasks: kit::Tasks) -> Self {
        let shared = Arc::new(Shared {
            db,
            clock,
            tasks,
            queues: Mutex::default(),
        });
        let placer = Self { shared };
        let watching = placer.clone();
        placer
            .shared
            .tasks
            .spawn("placer-wakes", async move { watching.watch().await });
        placer
    }

    /// Starts the tasks of a job: as many as fit, each durable when this returns.
    ///
    /// # Errors
    /// When the database fails, or the server shuts down in between.
    pub async fn place(&self, job: Job) -> Result<Placed> {
        let answer = self.enqueue(job);
        answer.await.map_err(|_| StoreError::ShuttingDown)?
    }
}
