//! The steps of a task, done through the engine. Each may be repeated after a crash of the agent or a lost connection:
//! it looks before it does something again.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kit::Shutdown;
use parking_lot::Mutex;
use runtime::container::Removal;
use runtime::{ContainerDetails, ContainerStatus, RuntimeError};

use super::cell::TaskCell;
use super::failure::{Failure, FailureKind};
use super::naming::label;
use super::observe;
use super::ports;
use super::prepare::{self, Prepared};
use super::record::TaskRecord;
use super::spec::{self, Surroundings};
use super::steps::{Action, Observation, Outcome, ReadyImage, Step};
use crate::host::Host;
use crate::patience::{RETRY_PAUSE, until_answered};

/// What the engine may take over a container's own stop timeout.
const STOP_GRACE: Duration = Duration::from_secs(2 * 60);
const MAX_PORT_ATTEMPTS: u32 = 5;

/// Does the steps of one task.
pub struct Actions {
    host: Arc<Host>,
    cell: Arc<TaskCell>,
    prepared: OnceLock<Prepared>,
    /// Default environment of each container's image.
    image_environments: Mutex<BTreeMap<usize, Vec<String>>>,
    pulls: Shutdown,
}

impl Actions {
    pub fn new(host: Arc<Host>, cell: Arc<TaskCell>) -> Self {
        let (prepared, image_environments) = (OnceLock::new(), Mutex::default());
        Self {
            host,
            cell,
            prepared,
            image_environments,
            pulls: Shutdown::new(),
        }
    }

    /// The task is to stop: nobody waits for its images any more.
    pub fn give_up_pulls(&self) {
        self.pulls.request();
    }

    /// Does one step.
    pub async fn perform(self: Arc<Self>, step: Step) -> Outcome {
        let task = self.cell.read(Clone::clone);
        match step {
            Step::Prepare => {
                let prepared = prepare::prepare(&self.host, &task).await;
                Outcome::Prepared(prepared.map(|prepared| {
                    // Preparing again after a crash gives the same.
                    let _ = self.prepared.set(prepared);
                }))
            }
            Step::Container(index, Action::Pull) => {
                let pull = self.pulls.unless_requested(self.pull(&task, index)).await;
                Outcome::Pulled(index, pull)
            }
            Step::Container(index, Action::Create) => {
                let limit = self.host.config.container_create_timeout;
                let created = tokio::time::timeout(limit, self.create(&task, index)).await;
                Outcome::Created(
                    index,
                    created.unwrap_or_else(|_| Err(Failure::timed_out("created", limit))),
                )
            }
            Step::Container(index, Action::Start | Action::Restart) => {
                Outcome::Started(index, self.start_in_time(&task, index).await)
            }
            Step::Container(index, Action::Recover | Action::Inspect) => {
                Outcome::Seen(index, self.look(&task, index).await)
            }
            Step::Container(index, Action::Stop) => Outcome::Seen(index, self.stop(&task, index).await),
        }
    }

    async fn pull(&self, task: &TaskRecord, index: usize) -> Result<ReadyImage, Failure> {
        let reference = &task.definition(index).image;
        let ready = self.host.images.ready(reference).await?;
        self.image_environments
            .lock()
            .insert(index, ready.details.env.clone());
        let digest = ready.details.digest_of(reference).map(ToOwned::to_owned);
        Ok(ReadyImage {
            id: ready.details.id,
            digest,
            pulled: ready.pulled,
        })
    }

    async fn create(&self, task: &TaskRecord, index: usize) -> Result<String, Failure> {
        let none = Prepared::default();
        let prepared = self.prepared.get().unwrap_or(&none);
        let image_environment = self
            .image_environments
            .lock()
            .get(&index)
            .cloned()
            .unwrap_or_default();
        let empty = BTreeMap::new();
        let around = Surroundings {
            cluster: &self.host.config.cluster,
            container_instance_arn: &self.host.container_instance_arn,
            region: &self.host.config.region,
            metadata_endpoint: self.host.metadata_endpoint.as_deref(),
            file_environment: prepared.environments.get(index).unwrap_or(&empty),
            image_environment: &image_environment,
            cgroup_parent: prepared.cgroup_parent.as_deref(),
            port_blocks: &self.port_blocks(task, index)?,
        };
        let spec = spec::build(task, index, &around)?;
        loop {
            match self.host.runtime.container_create(&spec).await {
                Ok(id) => return Ok(id.into_string()),
                Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
                Err(RuntimeError::Conflict { message }) => return self.adopt(task, index, message).await,
                Err(error) => return Err(Failure::new(FailureKind::CannotCreateContainer, error)),
            }
        }
    }

    /// The name is taken: by a container that we made without hearing of it?
    async fn adopt(&self, task: &TaskRecord, index: usize, message: String) -> Result<String, Failure> {
        let name = &task.containers[index].docker_name;
        let cannot = |why: &dyn std::fmt::Display| Failure::new(FailureKind::CannotCreateContainer, why);
        let details = self
            .host
            .runtime
            .container_inspect(name)
            .await
            .map_err(|e| cannot(&e))?;
        let ours = details
            .labels
            .get(label::TASK_ARN)
            .is_some_and(|arn| arn == task.arn());
        match ours && details.status == ContainerStatus::Created {
            true => Ok(details.id.into_string()),
            false => Err(cannot(&message)),
        }
    }

    /// A free block of host ports for each mapping with a range, by the mapping's place.
    fn port_blocks(&self, task: &TaskRecord, index: usize) -> Result<BTreeMap<usize, u16>, Failure> {
        let mut blocks = BTreeMap::new();
        for (place, mapping) in task.definition(index).port_mappings.iter().enumerate() {
            let Some(text) = &mapping.container_port_range else {
                continue;
            };
            let cannot =
                |why: &str| Failure::new(FailureKind::CannotCreateContainer, format!("{text}: {why}"));
            let range = ports::parse_range(text).ok_or_else(|| cannot("is not a range of ports"))?;
            let length = u16::try_from(range.len()).unwrap_or(u16::MAX);
            let (host_ports, protocol) = (&self.host.config.dynamic_port_range, ports::protocol(mapping));
            let block = ports::free_block(host_ports, length, &protocol, &self.host.random);
            blocks.insert(
                place,
                block.ok_or_else(|| cannot("no such block of host ports is free"))?,
            );
        }
        Ok(blocks)
    }

    async fn start_in_time(&self, task: &TaskRecord, index: usize) -> Result<Observation, Failure> {
        let limit = self.host.config.container_start_timeout;
        if let Ok(result) = tokio::time::timeout(limit, self.start(task, index)).await {
            return result;
        }
        // It must not run on unseen.
        let name = &task.containers[index].docker_name;
        let _ = tokio::time::timeout(
            STOP_GRACE,
            self.host.runtime.container_stop(name, None, Duration::ZERO),
        )
        .await;
        Err(Failure::timed_out("started", limit))
    }

    async fn start(&self, task: &TaskRecord, index: usize) -> Result<Observation, Failure> {
        let name = &task.containers[index].docker_name;
        let earlier_end = task.containers[index].finished_at;
        let mut port_attempts = 1;
        loop {
            let Err(error) = self.host.runtime.container_start(name).await else {
                break;
            };
            if error.is_transient() {
                tokio::time::sleep(RETRY_PAUSE).await;
                match self.inspect(name).await? {
                    Some(details) if has_run(&details, earlier_end) => break,
                    _ => continue,
                }
            }
            if !is_port_conflict(&error) || !has_range(task, index) || port_attempts == MAX_PORT_ATTEMPTS {
                return Err(Failure::new(FailureKind::CannotStartContainer, error));
            }
            // Somebody took a port of the block between our look and the start.
            port_attempts += 1;
            let removed = self
                .host
                .runtime
                .container_remove(
                    name,
                    Removal {
                        force: false,
                        volumes: true,
                    },
                )
                .await;
            removed.map_err(|e| Failure::new(FailureKind::CannotStartContainer, e))?;
            self.create(task, index).await?;
        }
        match self.inspect(name).await? {
            Some(details) => Ok(observe::observation(task, index, &details)),
            None => {
                let text = "the container is gone right after its start";
                Err(Failure::new(FailureKind::ContainerVanished, text))
            }
        }
    }

    async fn look(&self, task: &TaskRecord, index: usize) -> Result<Option<Observation>, Failure> {
        let Some(details) = self.inspect(&task.containers[index].docker_name).await? else {
            return Ok(None);
        };
        let mut seen = observe::observation(task, index, &details);
        // Killed, not by us, and the kernel says that it killed for memory in this task.
        if seen.exit_code == Some(137) && !seen.oom_killed && !self.pulls.is_requested() {
            seen.oom_killed = self.kernel_killed_for_memory(task).await;
        }
        Ok(Some(seen))
    }

    async fn kernel_killed_for_memory(&self, task: &TaskRecord) -> bool {
        let Some(cgroup) = prepare::cgroup_of(&self.host, task) else {
            return false;
        };
        let events = tokio::task::spawn_blocking(move || cgroup.memory_events()).await;
        matches!(events, Ok(Ok(events)) if events.oom_kills > 0)
    }

    async fn stop(&self, task: &TaskRecord, index: usize) -> Result<Option<Observation>, Failure> {
        let name = &task.containers[index].docker_name;
        let configured = task
            .definition(index)
            .stop_timeout
            .and_then(|seconds| u64::try_from(seconds).ok());
        let patience = configured.map_or(self.host.config.container_stop_timeout, Duration::from_secs);
        let limit = patience + STOP_GRACE;
        let asked_at = self.host.clock.now();
        let stopping = until_answered(|| self.host.runtime.container_stop(name, None, patience));
        match tokio::time::timeout(limit, stopping).await {
            Err(_) => return Err(Failure::timed_out("stopped", limit)),
            Ok(Err(error)) if error.is_missing() => return Ok(None),
            Ok(Err(error)) => return Err(Failure::new(FailureKind::CannotStopContainer, error)),
            Ok(Ok(())) => {}
        }
        let Some(details) = self.inspect(name).await? else {
            return Ok(None);
        };
        let mut seen = observe::observation(task, index, &details);
        // Engines mark all containers of a task whose common limit was hit. One that lived until now was killed by us.
        seen.oom_killed &= seen.finished_at.is_some_and(|finished_at| finished_at < asked_at);
        Ok(Some(seen))
    }

    /// Looks until the engine answers.
    async fn inspect(&self, name: &str) -> Result<Option<ContainerDetails>, Failure> {
        found(until_answered(|| self.host.runtime.container_inspect(name)).await)
    }
}

fn found(answer: Result<ContainerDetails, RuntimeError>) -> Result<Option<ContainerDetails>, Failure> {
    match answer {
        Ok(details) => Ok(Some(details)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(Failure::new(FailureKind::CannotInspectContainer, error)),
    }
}

/// Whether a container was started since its end that we know of.
fn has_run(details: &ContainerDetails, earlier_end: Option<chrono::DateTime<chrono::Utc>>) -> bool {
    let ended_again = details.status.is_stopped() && details.finished_at != earlier_end;
    details.status.is_running() || ended_again
}

fn has_range(task: &TaskRecord, index: usize) -> bool {
    task.definition(index)
        .port_mappings
        .iter()
        .any(|mapping| mapping.container_port_range.is_some())
}

fn is_port_conflict(error: &RuntimeError) -> bool {
    let text = error.to_string();
    text.contains("port is already allocated") || text.contains("address already in use")
}
