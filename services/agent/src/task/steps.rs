//! What a task's machine asks for, and what comes of it.

use agent_protocol::state_change::NetworkBinding;
use chrono::{DateTime, Utc};

use super::failure::Failure;
use super::record::Health;

/// Something to do for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look for what an earlier process of the agent left.
    Recover,
    Pull,
    Create,
    Start,
    /// Start again in place (K-05).
    Restart,
    /// Look at it: the engine said that something happened.
    Inspect,
    Stop,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Volumes, cgroup, environment files: all that must stand before the first container is created.
    Prepare,
    Container(usize, Action),
}

/// What is to be done now, and when to ask again although nothing happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub wake_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// Asks to look again at `at`, or earlier.
    pub fn wake(&mut self, at: DateTime<Utc>) {
        self.wake_at = self.wake_at.into_iter().chain([at]).min();
    }
}

/// Whether the engine's container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Never started.
    Created,
    Running,
    Exited,
}

/// What the engine says about a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub runtime_id: String,
    pub run: Run,
    pub created_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub exit_code: Option<i64>,
    pub oom_killed: bool,
    pub health: Health,
    pub network_bindings: Vec<NetworkBinding>,
}

/// An image that stands ready on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyImage {
    pub id: String,
    pub digest: Option<String>,
    /// Start and end of the pull, if there was one.
    pub pulled: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Prepared(Result<(), Failure>),
    /// Of [`Action::Pull`]; `None` when it was given up because the task is to stop.
    Pulled(usize, Option<Result<ReadyImage, Failure>>),
    /// Of [`Action::Create`]: the container's id.
    Created(usize, Result<String, Failure>),
    /// Of [`Action::Start`] and [`Action::Restart`].
    Started(usize, Result<Observation, Failure>),
    /// Of [`Action::Recover`], [`Action::Inspect`] and [`Action::Stop`]; `None` when there is no such container.
    Seen(usize, Result<Option<Observation>, Failure>),
}
