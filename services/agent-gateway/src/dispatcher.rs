//! Reads for all sessions of this server at once what they have to tell their agents.
//!
//! Wakes gather while a read is under way and are served together by the next one, so that a burst of thousands of wakes costs a few
//! statements and a single one waits for nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kit::{Clock, Shutdown};
use parking_lot::Mutex;
use store::instances::{self, Look, Unsettled};
use store::task_definitions::TaskDefinitionRow;
use store::{Db, Result, Wake, task_reports};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::definitions::Definitions;
use crate::log_mode::LogDriverModes;

/// Pause after the database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(200);
/// Most instances that one statement reads.
const PER_READ: usize = 1000;

/// What a session is told.
pub(crate) enum Order {
    Look(Box<Told>),
    /// Another session of the same agent has taken over.
    Replaced,
}

/// What stands in the database for a session.
pub(crate) struct Told {
    /// `None`: the instance is not there any more.
    pub look: Option<Look>,
    /// Definitions of the tasks in `look`.
    pub definitions: HashMap<i64, Arc<TaskDefinitionRow>>,
    /// Of the accounts of these definitions.
    pub log_modes: Arc<LogDriverModes>,
    /// All tasks that should run there, if the session asked for its manifest.
    pub manifest: Option<Vec<Uuid>>,
}

struct Handle {
    session: Uuid,
    orders: mpsc::UnboundedSender<Order>,
}

#[derive(Default)]
struct Wanted {
    looks: BTreeSet<Uuid>,
    manifests: BTreeSet<Uuid>,
}

pub(crate) struct Dispatcher {
    db: Db,
    clock: Arc<dyn Clock>,
    definitions: Definitions,
    /// By instance.
    sessions: Mutex<HashMap<Uuid, Handle>>,
    wanted: Mutex<Wanted>,
    bell: Notify,
    /// A session has left.
    left: Notify,
    stopping: Mutex<BTreeSet<Uuid>>,
    stopping_bell: Notify,
}

impl Dispatcher {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            clock,
            definitions: Definitions::default(),
            sessions: Mutex::default(),
            wanted: Mutex::default(),
            bell: Notify::new(),
            left: Notify::new(),
            stopping: Mutex::default(),
            stopping_bell: Notify::new(),
        }
    }

    /// A session begins; it gets its orders from here. One that the instance had here before is told to go.
    pub fn join(&self, instance: Uuid, session: Uuid) -> mpsc::UnboundedReceiver<Order> {
        let (orders, receiver) = mpsc::unbounded_channel();
        let before = self.sessions.lock().insert(instance, Handle { session, orders });
        if let Some(before) = before {
            let _ = before.orders.send(Order::Replaced);
        }
        receiver
    }

    /// A session is over.
    pub fn leave(&self, instance: Uuid, session: Uuid) {
        let mut sessions = self.sessions.lock();
        if sessions
            .get(&instance)
            .is_some_and(|handle| handle.session == session)
        {
            sessions.remove(&instance);
        }
        drop(sessions);
        self.left.notify_waiters();
    }

    /// Ends when there are no sessions.
    pub async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.sessions.lock().is_empty() {
                return;
            }
            left.await;
        }
    }

    /// The instance's session wants to know how things stand.
    pub fn ask(&self, instance: Uuid) {
        self.wanted.lock().looks.insert(instance);
        self.bell.notify_one();
    }

    /// The same, and all tasks that should run there.
    pub fn ask_for_manifest(&self, instance: Uuid) {
        self.wanted.lock().manifests.insert(instance);
        self.ask(instance);
    }

    /// The agent has begun to stop this task.
    pub fn stopping(&self, task: Uuid) {
        self.stopping.lock().insert(task);
        self.stopping_bell.notify_one();
    }

    /// Loop: serves wakes and questions.
    pub async fn run(&self, shutdown: &Shutdown) {
        let mut wakes = self.db.wakes().listen();
        loop {
            tokio::select! {
                wake = wakes.next() => self.note(wake),
                () = self.bell.notified() => {}
                () = shutdown.requested() => return,
            }
            while let Some(wake) = wakes.next().now_or_never() {
                self.note(wake);
            }
            self.serve().await;
        }
    }

    fn note(&self, wake: Wake) {
        match wake {
            Wake::Instance(id) if self.sessions.lock().contains_key(&id) => {
                self.wanted.lock().looks.insert(id);
            }
            Wake::Everything => {
                let all: Vec<Uuid> = self.sessions.lock().keys().copied().collect();
                self.wanted.lock().looks.extend(all);
            }
            _ => {}
        }
    }

    async fn serve(&self) {
        let Wanted { looks, manifests } = std::mem::take(&mut *self.wanted.lock());
        let instances: Vec<Uuid> = looks.into_iter().collect();
        for part in instances.chunks(PER_READ) {
            let with_manifest: Vec<Uuid> = part.iter().copied().filter(|id| manifests.contains(id)).collect();
            if let Err(error) = self.tell(part, &with_manifest).await {
                tracing::warn!(%error, sessions = part.len(), "agents could not be told what to do");
                {
                    let mut wanted = self.wanted.lock();
                    wanted.looks.extend(part);
                    wanted.manifests.extend(with_manifest);
                }
                tokio::time::sleep(AFTER_FAILURE).await;
                self.bell.notify_one();
            }
        }
    }

    async fn tell(&self, instances: &[Uuid], with_manifest: &[Uuid]) -> Result<()> {
        let now = self.clock.now();
        let mut manifests = match with_manifest.is_empty() {
            true => BTreeMap::new(),
            false => instances::should_run(&self.db, with_manifest, now).await?,
        };
        // In this order: a task that comes in between is missing in the manifest, but told right after it.
        let mut looks = instances::look(&self.db, instances, now).await?;
        let ids = looks
            .values()
            .flat_map(|look| &look.tasks)
            .map(|task| task.assignment.task_definition_id);
        let definitions = self.definitions.get(&self.db, ids.collect()).await?;
        let log_modes =
            Arc::new(LogDriverModes::read(&self.db, definitions.values().map(Arc::as_ref)).await?);
        for instance in instances {
            let look = looks.remove(instance);
            let definitions = needed(&definitions, look.as_ref().map_or(&[], |look| &look.tasks));
            let manifest = with_manifest
                .contains(instance)
                .then(|| manifests.remove(instance).unwrap_or_default());
            if let Some(handle) = self.sessions.lock().get(instance) {
                let _ = handle.orders.send(Order::Look(Box::new(Told {
                    look,
                    definitions,
                    log_modes: log_modes.clone(),
                    manifest,
                })));
            }
        }
        Ok(())
    }

    /// Loop: writes down which tasks are being stopped, many at a time. Nothing waits for it.
    pub async fn run_stopping(&self, shutdown: &Shutdown) {
        while shutdown
            .unless_requested(self.stopping_bell.notified())
            .await
            .is_some()
        {
            let tasks: Vec<Uuid> = std::mem::take(&mut *self.stopping.lock()).into_iter().collect();
            if let Err(error) = task_reports::stopping(&self.db, &tasks).await {
                tracing::debug!(%error, "STOPPING was not written down; STOPPED will be");
            }
        }
    }
}

fn needed(
    all: &HashMap<i64, Arc<TaskDefinitionRow>>,
    tasks: &[Unsettled],
) -> HashMap<i64, Arc<TaskDefinitionRow>> {
    let ids = tasks.iter().map(|task| task.assignment.task_definition_id);
    ids.filter_map(|id| Some((id, all.get(&id)?.clone()))).collect()
}
