//! How far a deployment has come: accounting of ended tasks (D-18), circuit breaker and alarms (D-20 to D-26), rollback.

use chrono::{DateTime, Utc};
use domain::DeploymentId;
use serde::{Deserialize, Serialize};

use super::arithmetic::breaker_threshold;
use super::draft::Draft;
use super::events;
use super::health::Standing;
use super::hooks;
use super::shift::{self, Shifting};
use super::snapshot::{Deployment, StopType, StoppedTask};
use super::stop::StopCode;

/// `status` of a deployment (D-10, D-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeploymentStatus {
    /// The newest one: the one that grows.
    Primary,
    /// Being replaced.
    Active,
    /// No longer in `deployments[]`.
    Inactive,
}

/// `rolloutState` (D-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

/// What plans change of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub status: DeploymentStatus,
    /// PRIMARY: the service's desired count; ACTIVE: what is still to be kept, sinking to 0 (D-10).
    pub desired_count: u32,
    pub rollout_state: RolloutState,
    pub rollout_state_reason: String,
    /// `failedTasks` (D-18).
    pub failed_tasks: u32,
    pub memory: Memory,
}

/// What the planner remembers of a deployment besides what users see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Attempts in a row after which tasks stopped without having reached RUNNING (S-40).
    pub start_failures: u32,
    /// When the last of them was accounted for.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// A task has reached RUNNING: the breaker's second stage (D-21).
    pub reached_running: bool,
    /// A task has run healthy: failures are no longer counted (D-18).
    pub has_run_healthy: bool,
    /// It is itself a rollback, and not rolled back further (D-22).
    pub is_rollback: bool,
    /// Written by the caller after each attempt to place: how many tasks found no host. The planner makes room for them
    /// where the limits allow it.
    pub unplaced: u32,
    /// Since when the alarms are watched with all new tasks running (D-27).
    pub bake_started_at: Option<DateTime<Utc>>,
    /// How far the traffic has been shifted (BG-04).
    pub shifting: Shifting,
}

impl Progress {
    /// A new PRIMARY deployment (D-10).
    pub fn begin(id: DeploymentId, desired_count: u32) -> Self {
        Self {
            status: DeploymentStatus::Primary,
            desired_count,
            rollout_state: RolloutState::InProgress,
            rollout_state_reason: format!("ECS deployment {id} in progress."),
            failed_tasks: 0,
            memory: Memory::default(),
        }
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.rollout_state == RolloutState::InProgress
    }

    pub(super) fn has_failed(&self) -> bool {
        self.rollout_state == RolloutState::Failed
    }

    pub(super) fn complete(&mut self, id: DeploymentId) {
        self.rollout_state = RolloutState::Completed;
        self.rollout_state_reason = format!("ECS deployment {id} completed.");
    }
}

impl StoppedTask {
    /// It stopped by itself before it was RUNNING (S-40, D-21).
    fn failed_to_start(&self) -> bool {
        self.started_at.is_none() && self.stop_code.is_none_or(StopCode::is_own_fault)
    }
}

/// Counts how tasks ended, and notes which deployments have shown that they work.
pub(super) fn account(draft: &mut Draft<'_>) {
    let snapshot = draft.snapshot;
    let live = draft
        .tasks
        .iter()
        .filter_map(|view| Some((view.deployment, view.task.started_at?)));
    let ended = snapshot
        .newly_stopped
        .iter()
        .filter_map(|task| Some((draft.find(task.deployment)?, task.started_at?)));
    let started: Vec<_> = live.chain(ended).collect();
    let healthy = draft
        .tasks
        .iter()
        .filter(|view| view.standing == Standing::Healthy);
    let healthy: Vec<_> = healthy.map(|view| view.deployment).collect();

    for (deployment, at) in started {
        draft.deployments[deployment]
            .progress
            .memory
            .reached_running_at(at);
    }
    for deployment in healthy {
        let progress = &mut draft.deployments[deployment].progress;
        if !progress.has_failed() {
            progress.memory.has_run_healthy = true;
            progress.failed_tasks = 0;
        }
    }
    let mut tell = false;
    for task in &snapshot.newly_stopped {
        draft.plan.accounted.push(task.id);
        if let Some(deployment) = draft.find(task.deployment) {
            tell |= account_for(&mut draft.deployments[deployment].progress, task, draft.now);
        }
    }
    if tell {
        draft.say(events::cannot_start_consistently(&snapshot.service.name));
    }
}

/// Counts one ended task; true = attempts to start fail so often that users should hear of it.
fn account_for(progress: &mut Progress, task: &StoppedTask, now: DateTime<Utc>) -> bool {
    let failed_to_start = task.failed_to_start();
    let tell = failed_to_start && progress.memory.start_failed(now);
    let counts = task.failed_health || (failed_to_start && !progress.memory.reached_running);
    if counts && !progress.memory.has_run_healthy {
        progress.failed_tasks = progress.failed_tasks.saturating_add(1);
    }
    tell
}

/// Why a deployment fails, and whether it goes back to what was before.
struct Failure {
    /// In two words, for the reason of a rollback's deployment.
    cause: &'static str,
    /// `rolloutStateReason`.
    reason: String,
    event: String,
    rollback: bool,
}

/// Lets the PRIMARY deployment fail if its circuit breaker trips, an alarm went off, or a hook or a user ends it (D-22, D-26, BG-09).
pub(super) fn judge(draft: &mut Draft<'_>) {
    hooks::time_out(draft);
    let Some(failure) = failure(draft) else { return };
    let progress = &mut draft.deployments[draft.primary].progress;
    progress.rollout_state = RolloutState::Failed;
    progress.rollout_state_reason = failure.reason;
    draft.say(failure.event);
    if failure.rollback && !shift::roll_back(draft) {
        roll_back(draft, failure.cause);
    }
}

fn failure(draft: &Draft<'_>) -> Option<Failure> {
    let configuration = &draft.snapshot.service.configuration;
    let name = &draft.snapshot.service.name;
    let primary = &draft.deployments[draft.primary];
    let (id, progress) = (primary.id, &primary.progress);
    if !progress.is_in_progress() {
        return None;
    }
    let breaker = configuration.circuit_breaker;
    let tripped = breaker.enable
        && !progress.memory.has_run_healthy
        && progress.failed_tasks >= breaker_threshold(draft.desired);
    if tripped {
        return Some(Failure {
            cause: "circuit breaker",
            reason: "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
            event: events::deployment_failed_to_start(name, id),
            rollback: breaker.rollback,
        });
    }
    if let Some(stop_type) = primary.stop_requested {
        return Some(Failure {
            cause: "stopped",
            reason: "ECS deployment stopped by the user.".to_owned(),
            event: events::deployment_stopped(name, id),
            rollback: stop_type == StopType::Rollback,
        });
    }
    if let Some(reason) = hooks::failure(draft).filter(|_| shift::is_under_way(draft)) {
        return Some(Failure {
            cause: "lifecycle hook",
            reason,
            event: events::deployment_failed_by_hook(name, id),
            rollback: true,
        });
    }
    if shift::is_overdue(draft) {
        return Some(Failure {
            cause: "timeout",
            reason: "ECS deployment failed: a lifecycle stage timed out.".to_owned(),
            event: events::deployment_timed_out(name, id),
            rollback: true,
        });
    }
    let alarms = configuration.alarms.filter(|_| primary.alarm_raised)?;
    Some(Failure {
        cause: "alarm",
        reason: "ECS deployment failed: alarm detected.".to_owned(),
        event: events::deployment_failed_by_alarm(name, id),
        rollback: alarms.rollback,
    })
}

/// Begins a new deployment of the last COMPLETED one's revision, if there is one (D-22, D-23).
fn roll_back(draft: &mut Draft<'_>, cause: &str) {
    let service = &draft.snapshot.service;
    let failed = &mut draft.deployments[draft.primary];
    let Some(target) = service
        .rollback_target
        .as_ref()
        .filter(|target| target.deployment != failed.id)
    else {
        return;
    };
    if failed.progress.memory.is_rollback {
        return;
    }
    failed.progress.status = DeploymentStatus::Active;
    let id = DeploymentId::random(&mut draft.rng);
    let mut progress = Progress::begin(id, draft.desired);
    progress.rollout_state_reason = format!("ECS deployment {cause}: rolling back to deploymentId {id}.");
    progress.memory.is_rollback = true;
    draft.primary = draft.deployments.len();
    draft.deployments.push(Deployment {
        id,
        revision: target.revision.clone(),
        created_at: draft.now,
        alarm_raised: false,
        stop_requested: None,
        hooks: Vec::new(),
        pauses: Vec::new(),
        progress,
    });
    draft.say(events::rolling_back(&service.name, id));
}
