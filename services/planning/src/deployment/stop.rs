//! Why tasks stop: codes and byte-exact texts of section 5's table.

use std::fmt;
use std::str::FromStr;

use domain::{DeploymentId, TaskId};
use serde::{Deserialize, Serialize};

/// `stopCode` of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
    SpotInterruption,
    TerminationNotice,
}

impl StopCode {
    pub const ALL: &'static [Self] = &[
        Self::TaskFailedToStart,
        Self::EssentialContainerExited,
        Self::UserInitiated,
        Self::ServiceSchedulerInitiated,
        Self::SpotInterruption,
        Self::TerminationNotice,
    ];

    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            Self::SpotInterruption => "SpotInterruption",
            Self::TerminationNotice => "TerminationNotice",
        }
    }

    /// The task ended by its own doing, not because somebody or something took it away.
    pub const fn is_own_fault(self) -> bool {
        matches!(self, Self::TaskFailedToStart | Self::EssentialContainerExited)
    }
}

impl fmt::Display for StopCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StopCode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|code| code.as_str() == text);
        known.copied().ok_or_else(|| format!("'{text}' is no StopCode"))
    }
}

/// A task that the plan gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub task: TaskId,
    pub cause: StopCause,
    /// `stoppedReason`.
    pub reason: String,
}

impl Stop {
    /// `stopCode`: all stops of plans are the service scheduler's.
    pub const fn code(&self) -> StopCode {
        StopCode::ServiceSchedulerInitiated
    }
}

/// What a stop is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// Scaling in, replacing by a deployment, leaving a draining host, deleting the service.
    Scaling,
    /// Replaced for failed health; when it is STOPPED this is [`super::StoppedTask::failed_health`] (D-18).
    FailedHealth,
    /// DAEMON: its host no longer meets the constraints (SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED, S-60).
    ConstraintViolated,
}

pub fn scaling_reason(deployment: DeploymentId) -> String {
    format!("Scaling activity initiated by (deployment {deployment})")
}

pub fn failed_target_reason(target_group_arn: &str) -> String {
    format!("Task failed ELB health checks in (target-group {target_group_arn})")
}

pub const FAILED_CONTAINER_HEALTH_REASON: &str = "Task failed container health checks";
