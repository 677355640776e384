//! What a plan says.

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, DeploymentId, ServiceStatus, TaskId};

use super::hooks::Pause;
use super::rollout::Progress;
use super::shift::Shift;
use super::snapshot::Deployment;
use super::steady::Steady;
use super::stop::Stop;

/// Tasks to place. What cannot be placed is written to [`super::Memory::unplaced`] and told in an event (S-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// REPLICA: so many tasks of the deployment's revision, wherever they fit.
    Replicas { deployment: DeploymentId, count: u32 },
    /// DAEMON: one task on this host.
    Daemon {
        deployment: DeploymentId,
        host: ContainerInstanceId,
    },
}

impl Start {
    pub const fn deployment(&self) -> DeploymentId {
        match self {
            Self::Replicas { deployment, .. } | Self::Daemon { deployment, .. } => *deployment,
        }
    }

    /// Number of tasks.
    pub const fn count(&self) -> u32 {
        match self {
            Self::Replicas { count, .. } => *count,
            Self::Daemon { .. } => 1,
        }
    }
}

/// What to do now. To be applied in the order of the fields, in one transaction where that is possible; starts and stops may
/// fail one by one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// These `newly_stopped` tasks are accounted for; they are not shown to the planner again.
    pub accounted: Vec<TaskId>,
    /// A new deployment that the circuit breaker or an alarm asks for (D-22). Other parts of the plan refer to it.
    pub rollback: Option<Deployment>,
    /// The new state of each deployment that changes, as a whole. [`super::DeploymentStatus::Inactive`] = it leaves
    /// `deployments[]` (D-12).
    pub deployments: Vec<(DeploymentId, Progress)>,
    /// New pauses of these deployments, and the new state of others as a whole (BG-21).
    pub pauses: Vec<(DeploymentId, Pause)>,
    /// DAEMON: the new `desiredCount` of the service (S-60).
    pub desired_count: Option<u32>,
    /// DRAINING → INACTIVE (S-10).
    pub status: Option<ServiceStatus>,
    /// The planner's new memory of the service's steady state.
    pub steady: Option<Steady>,
    /// Weights of the target groups, before tasks are stopped (BG-03).
    pub shift: Option<Shift>,
    pub stop: Vec<Stop>,
    pub start: Vec<Start>,
    /// Texts for `events[]`, oldest first.
    pub events: Vec<String>,
    /// Tells of the stops (S-52). It follows what is told of their targets, which is known only when the stops are made (D-11).
    pub stop_event: Option<String>,
    /// When the next decision falls due that depends on time alone. It is later than now.
    pub wake_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// Nothing to do now.
    pub fn is_empty(&self) -> bool {
        let waiting = Self {
            wake_at: self.wake_at,
            ..Self::default()
        };
        *self == waiting
    }
}
