//! What is known of a task: its payload, how far each container has come, and what the server was told. Kept on disk.

use agent_protocol::Task;
use agent_protocol::acs::TaskIdentifier;
use agent_protocol::state_change::NetworkBinding;
use agent_protocol::task::{Container, DesiredStatus};
use agent_protocol::tcs::HealthStatus;
use chrono::{DateTime, Utc};
use kit::Random;
use serde::{Deserialize, Serialize};

use super::naming;

/// Version of the stored form.
pub const FORMAT: u32 = 1;

/// How far a container has come (T-07). Moves to the right only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    None,
    Pulled,
    Created,
    Running,
    Stopped,
}

impl Phase {
    /// The agent's internal word, as the metadata endpoint shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Pulled => "PULLED",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// What the server wants of a task. Moves to the right only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Desired {
    Running,
    Stopped,
}

impl Desired {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A task's status as reports know it. Moves to the right only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    None,
    Pending,
    Running,
    Stopped,
}

/// The last word of a container's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub status: HealthStatus,
    pub since: Option<DateTime<Utc>>,
    pub exit_code: Option<i64>,
    pub output: Option<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            status: HealthStatus::Unknown,
            since: None,
            exit_code: None,
            output: None,
        }
    }
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Name in the task definition.
    pub name: String,
    /// The engine's name for it: the same in every process of the agent, so that a container is never made twice.
    pub docker_name: String,
    /// Its id in the URLs of the metadata endpoint.
    pub endpoint_id: String,
    pub phase: Phase,
    pub runtime_id: Option<String>,
    pub image_id: Option<String>,
    pub image_digest: Option<String>,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    /// Start of the current run.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Restarts in place (K-05).
    pub restart_count: u32,
    pub network_bindings: Vec<NetworkBinding>,
    /// What the server was told.
    pub reported: Status,
    /// Asked of the engine again by every process, so not stored.
    #[serde(skip)]
    pub health: Health,
}

impl ContainerRecord {
    /// Whether it ran at all; decides whether "stopped" means ended or never begun (T-33).
    pub fn ran(&self) -> bool {
        self.started_at.is_some()
    }
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    pub format: u32,
    /// As it came, without the keys of its roles.
    pub payload: Task,
    pub role_credentials_id: Option<String>,
    pub execution_role_credentials_id: Option<String>,
    pub desired: Desired,
    /// In the payload's order.
    pub containers: Vec<ContainerRecord>,
    /// Why the task as a whole failed.
    pub reason: Option<String>,
    pub accepted_at: DateTime<Utc>,
    pub pull_started_at: Option<DateTime<Utc>>,
    pub pull_stopped_at: Option<DateTime<Utc>>,
    /// When its first essential container ended.
    pub execution_stopped_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    /// Whether all containers were up at some time, so that the server has to hear RUNNING before STOPPED.
    pub was_running: bool,
    /// Whether an image came from a registry for this task.
    pub pulled: bool,
    /// What the server was told.
    pub reported: Status,
}

impl TaskRecord {
    /// A task that nothing was done for yet. The keys of its roles are left out.
    pub fn new(mut payload: Task, now: DateTime<Utc>, random: &Random) -> Self {
        let id_of =
            |credentials: Option<agent_protocol::RoleCredentials>| credentials.map(|c| c.credentials_id);
        let role_credentials_id = id_of(payload.role_credentials.take());
        let execution_role_credentials_id = id_of(payload.execution_role_credentials.take());
        let desired = match payload.desired_status {
            DesiredStatus::Stopped => Desired::Stopped,
            _ => Desired::Running,
        };
        let containers = payload
            .containers
            .iter()
            .map(|c| new_container(&payload, c, random))
            .collect();
        Self {
            format: FORMAT,
            payload,
            role_credentials_id,
            execution_role_credentials_id,
            desired,
            containers,
            reason: None,
            accepted_at: now,
            pull_started_at: None,
            pull_stopped_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            was_running: false,
            pulled: false,
            reported: Status::None,
        }
    }

    pub fn arn(&self) -> &str {
        &self.payload.arn
    }

    /// The last part of the ARN.
    pub fn id(&self) -> &str {
        naming::task_id(&self.payload.arn)
    }

    /// The definition of container number `index`.
    pub fn definition(&self, index: usize) -> &Container {
        &self.payload.containers[index]
    }

    /// The place of the container called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.containers
            .iter()
            .position(|container| container.name == name)
    }

    /// Where the task stands now (T-06).
    pub fn known(&self) -> Status {
        if self.containers.iter().all(|c| c.phase == Phase::Stopped) {
            Status::Stopped
        } else if self.was_running {
            Status::Running
        } else {
            Status::Pending
        }
    }

    /// Whether all is over and the server knows.
    pub fn finished(&self) -> bool {
        self.reported == Status::Stopped
    }

    /// The task as stop candidates name it.
    pub fn identifier(&self, desired_status: DesiredStatus) -> TaskIdentifier {
        TaskIdentifier {
            task_arn: self.payload.arn.clone(),
            task_cluster_arn: self.payload.task_cluster_arn.clone(),
            desired_status,
        }
    }
}

fn new_container(task: &Task, container: &Container, random: &Random) -> ContainerRecord {
    ContainerRecord {
        name: container.name.clone(),
        docker_name: naming::container(task, &container.name),
        endpoint_id: random.uuid().to_string(),
        phase: Phase::None,
        runtime_id: None,
        image_id: None,
        image_digest: None,
        exit_code: None,
        reason: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        restart_count: 0,
        network_bindings: Vec::new(),
        reported: Status::None,
        health: Health::default(),
    }
}
