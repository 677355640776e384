//! The tasks of this host: takes what the server wants, gives each task its worker, brings them the engine's events.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use agent_protocol::acs::{IamRoleCredentialsMessage, TaskIdentifier, TaskManifestMessage};
use agent_protocol::task::DesiredStatus;
use agent_protocol::{RoleCredentials, RoleType, Task};
use futures::StreamExt;
use futures::future::join_all;
use kit::{Shutdown, Tasks};
use parking_lot::Mutex;
use runtime::container::Removal;
use runtime::{ContainerEvent, ContainerEventKind, EventStream, LabelFilter, RuntimeError, RuntimeEvent};

use crate::credentials::CredentialStore;
use crate::host::Host;
use crate::task::admission;
use crate::task::cell::TaskCell;
use crate::task::failure::{Failure, FailureKind};
use crate::task::machine::TaskMachine;
use crate::task::naming::label;
use crate::task::record::{Desired, TaskRecord};
use crate::task::worker::TaskWorker;

/// Without any event for this long, containers are looked at all the same.
const STEADY_CHECK: Duration = Duration::from_secs(5 * 60);

/// All tasks of one agent.
pub struct Engine {
    host: Arc<Host>,
    credentials: CredentialStore,
    tasks: Mutex<HashMap<String, Arc<TaskCell>>>,
    supervisor: Tasks,
    /// Requested when the agent is dropped without a shutdown: everything ends where it stands.
    killed: Shutdown,
    this: Weak<Engine>,
}

impl Engine {
    /// Takes up the tasks of an earlier process. Their workers run under `supervisor`.
    pub fn start(host: Arc<Host>, saved: Vec<TaskRecord>, supervisor: Tasks, killed: Shutdown) -> Arc<Self> {
        let engine = Arc::new_cyclic(|this| Self {
            host,
            credentials: CredentialStore::default(),
            tasks: Mutex::default(),
            supervisor,
            killed,
            this: this.clone(),
        });
        for record in saved {
            engine.take_on(record.payload.arn.clone(), TaskMachine::recovered(record));
        }
        engine
    }

    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub fn credentials(&self) -> &CredentialStore {
        &self.credentials
    }

    /// All tasks that are known, stopped ones too until they are cleared away.
    pub fn tasks(&self) -> Vec<Arc<TaskCell>> {
        self.tasks.lock().values().cloned().collect()
    }

    pub fn task(&self, arn: &str) -> Option<Arc<TaskCell>> {
        self.tasks.lock().get(arn).cloned()
    }

    /// Takes what the server wants of some tasks; stops go first. Done when all of it is on disk; the work itself begins
    /// before that.
    pub fn accept(&self, mut tasks: Vec<Task>) -> impl Future<Output = ()> + Send + use<> {
        tasks.sort_by_key(|task| task.desired_status != DesiredStatus::Stopped);
        let cells: Vec<Arc<TaskCell>> = tasks.into_iter().map(|task| self.accept_task(task)).collect();
        async move {
            join_all(cells.iter().map(|cell| cell.persisted())).await;
        }
    }

    fn accept_task(&self, mut task: Task) -> Arc<TaskCell> {
        let keep = |role: RoleType, keys: &Option<RoleCredentials>, arn: &str| {
            if let Some(keys) = keys {
                self.credentials.put(arn, role, keys.clone());
            }
        };
        keep(RoleType::TaskApplication, &task.role_credentials, &task.arn);
        keep(
            RoleType::TaskExecution,
            &task.execution_role_credentials,
            &task.arn,
        );
        if let Some(cell) = self.task(&task.arn) {
            // RUNNING after STOPPED is ignored, and so is RUNNING again.
            if task.desired_status == DesiredStatus::Stopped {
                cell.stop();
            }
            return cell;
        }
        let refusal = admission::refusal(&task);
        if refusal.is_some() {
            task.desired_status = DesiredStatus::Stopped;
        }
        let arn = task.arn.clone();
        let mut record = TaskRecord::new(task, self.host.clock.now(), &self.host.random);
        record.reason = refusal.map(|failure| failure.to_string());
        tracing::info!(task = arn, desired = record.desired.as_str(), "accepted");
        self.take_on(arn, TaskMachine::new(record))
    }

    fn take_on(&self, arn: String, machine: TaskMachine) -> Arc<TaskCell> {
        let cell = Arc::new(TaskCell::new(machine));
        self.tasks.lock().insert(arn.clone(), cell.clone());
        let worker = TaskWorker::new(
            self.host.clone(),
            cell.clone(),
            self.supervisor.shutdown().clone(),
        );
        let (engine, killed) = (self.this.clone(), self.killed.clone());
        self.supervisor.spawn_job(format!("task {arn}"), async move {
            let cleared = killed.unless_requested(worker.run()).await;
            if let (Some(true), Some(engine)) = (cleared, engine.upgrade()) {
                engine.tasks.lock().remove(&arn);
                engine.credentials.remove_task(&arn);
            }
        });
        cell
    }

    /// Stops a task, if it is known. Done when that is on disk.
    pub async fn stop(&self, arn: &str) {
        if let Some(cell) = self.task(arn) {
            cell.stop();
            cell.persisted().await;
        }
    }

    /// Takes in new keys. False if they belong to no task that is known.
    pub fn renew_credentials(&self, message: IamRoleCredentialsMessage) -> bool {
        let known = self.task(&message.task_arn).is_some();
        if known {
            self.credentials
                .put(&message.task_arn, message.role_type, message.role_credentials);
        }
        known
    }

    /// Tasks that should run by our knowledge and that the manifest does not list as running (section 2.7).
    pub fn not_listed(&self, manifest: &TaskManifestMessage) -> Vec<TaskIdentifier> {
        let listed: BTreeSet<&str> = manifest
            .tasks
            .iter()
            .filter(|task| task.desired_status == DesiredStatus::Running)
            .map(|task| task.task_arn.as_str())
            .collect();
        let extra = |record: &TaskRecord| {
            let extra = record.desired == Desired::Running && !listed.contains(record.arn());
            extra.then(|| record.identifier(DesiredStatus::Stopped))
        };
        self.tasks().iter().filter_map(|cell| cell.read(extra)).collect()
    }

    /// Removes containers of this container instance whose task is not known: an earlier process was killed after making
    /// them and before their task was on disk, so they were never started.
    ///
    /// # Errors
    /// When the engine does not list or remove them.
    pub async fn remove_strays(&self) -> Result<(), RuntimeError> {
        for container in self
            .host
            .runtime
            .container_list(&[our_label(&self.host)], true)
            .await?
        {
            let known = container
                .labels
                .get(label::TASK_ARN)
                .is_some_and(|arn| self.task(arn).is_some());
            if known {
                continue;
            }
            tracing::warn!(container = container.name, "removed: its task is not known");
            let removal = Removal {
                force: true,
                volumes: true,
            };
            match self.host.runtime.container_remove(&container.id, removal).await {
                Err(error) if !error.is_missing() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reports tasks STOPPED whose records cannot be used. Their containers have gone as those of unknown tasks.
    pub fn give_up(&self, ids: &[String]) {
        let instance = self.host.container_instance_arn.rsplit_once('/');
        let Some((place, _)) = instance else { return };
        let place = place.replacen(":container-instance/", ":task/", 1);
        for id in ids {
            let arn = format!("{place}/{id}");
            let mut record =
                TaskRecord::new(Task::stop(arn.clone()), self.host.clock.now(), &self.host.random);
            let text = "the agent cannot read its record of this task";
            record.reason = Some(Failure::new(FailureKind::TaskState, text).to_string());
            self.take_on(arn, TaskMachine::new(record));
        }
    }

    /// Brings the engine's events to the tasks, and lets them look at their containers now and then all the same. Runs
    /// until it is dropped.
    pub async fn watch_events(&self, mut events: EventStream) {
        loop {
            let spread = STEADY_CHECK.mul_f64(0.1 * self.host.random.fraction());
            match tokio::time::timeout(STEADY_CHECK + spread, events.next()).await {
                Ok(Some(RuntimeEvent::Container(event))) => self.tell(&event),
                Ok(Some(RuntimeEvent::Resubscribed)) | Err(_) => {
                    self.tasks().iter().for_each(|cell| cell.look_again());
                }
                Ok(None) => return,
            }
        }
    }

    fn tell(&self, event: &ContainerEvent) {
        use ContainerEventKind::{Create, Destroy, Die, Health, Oom, Start};
        match event.kind {
            Die { .. } | Health(_) | Destroy | Start => {}
            Create | Oom => return,
        }
        // The task itself started it, unless it is over.
        let is_news = |cell: &TaskCell| event.kind != Start || cell.read(TaskRecord::finished);
        let labels = (
            event.labels.get(label::TASK_ARN),
            event.labels.get(label::CONTAINER_NAME),
        );
        if let (Some(arn), Some(name)) = labels
            && let Some(cell) = self.task(arn)
            && is_news(&cell)
        {
            cell.container_changed(name);
        }
    }

    /// Removes images that no task uses any more (K-10).
    pub async fn clean_images(&self) {
        let images = |record: &TaskRecord| {
            record
                .payload
                .containers
                .iter()
                .map(|c| c.image.clone())
                .collect::<Vec<_>>()
        };
        let in_use: BTreeSet<String> = self.tasks().iter().flat_map(|cell| cell.read(images)).collect();
        self.host.images.clean(&in_use).await;
        if let Err(error) = self.host.update_identity(|_| ()).await {
            tracing::warn!(%error, "the use of images could not be saved");
        }
    }
}

/// Events of this container instance's containers, from this call on.
pub fn subscribe(host: &Host) -> EventStream {
    host.runtime.events(vec![our_label(host)], None)
}

fn our_label(host: &Host) -> LabelFilter {
    LabelFilter::equals(label::CONTAINER_INSTANCE, &host.container_instance_arn)
}
