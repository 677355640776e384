//! The end of things: steady state (S-23), completed deployments (D-12, D-16, W-13), deleted services (S-10).

use chrono::{DateTime, Utc};
use domain::{ServiceStatus, TaskStatus};
use serde::{Deserialize, Serialize};

use super::draft::{Draft, count};
use super::events;
use super::health;
use super::rollout::DeploymentStatus;
use super::shift;

/// What the planner remembers of a service's steady state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Steady {
    /// The service was in a steady state at the last plan.
    pub reached: bool,
    /// When that was last told in an event.
    pub announced_at: Option<DateTime<Utc>>,
}

/// Takes finished deployments off the list, and tells of a steady state and of the completed deployment.
pub(super) fn settle(draft: &mut Draft<'_>) {
    let in_place = all_in_place(draft);
    let baking = bake(draft, in_place);
    if !baking {
        remove_empty_deployments(draft);
    }
    let steady = in_place && draft.olds().is_empty() && !shift::is_under_way(draft);
    remember(draft, steady);
    let primary = &mut draft.deployments[draft.primary];
    if steady && !baking && primary.progress.is_in_progress() {
        primary.progress.complete(primary.id);
        let event = events::deployment_completed(&draft.snapshot.service.name, primary.id);
        draft.say(event);
    }
}

/// Exactly the wanted tasks of the PRIMARY deployment run, and nothing is to be done.
fn all_in_place(draft: &Draft<'_>) -> bool {
    let service = &draft.snapshot.service;
    let primary = &draft.deployments[draft.primary];
    draft.plan.start.is_empty()
        && draft.plan.stop.is_empty()
        && draft.going == 0
        && count(&draft.tasks) == draft.desired
        && draft.tasks.iter().all(|view| {
            view.deployment == draft.primary
                && !view.needs_replacement()
                && health::is_ready(view.task, primary, service, draft.now)
        })
}

/// Alarms are watched for a while after the new tasks run (D-27); true = not over yet.
fn bake(draft: &mut Draft<'_>, in_place: bool) -> bool {
    let Some(alarms) = draft.snapshot.service.configuration.alarms else {
        return false;
    };
    let progress = &mut draft.deployments[draft.primary].progress;
    if !progress.is_in_progress() {
        return false;
    }
    if in_place {
        progress.memory.bake_started_at.get_or_insert(draft.now);
    }
    let Some(end) = progress.memory.bake_started_at.map(|start| start + alarms.bake) else {
        return true;
    };
    draft.wake(end);
    draft.now < end
}

/// Old deployments that have no tasks and get none leave `deployments[]` (D-12).
fn remove_empty_deployments(draft: &mut Draft<'_>) {
    for old in draft.olds() {
        if draft.is_empty(old) && shift::may_forget(draft, old) {
            draft.deployments[old].progress.status = DeploymentStatus::Inactive;
        }
    }
}

/// The steady state is told each time that it is reached, and every few hours while it lasts (S-11).
fn remember(draft: &mut Draft<'_>, steady: bool) {
    let before = draft.snapshot.service.steady;
    let confirm_at = before.announced_at.map(|at| at + events::QUIET_PERIOD);
    let due = !before.reached || confirm_at.is_none_or(|at| at <= draft.now);
    let mut after = Steady {
        reached: steady,
        ..before
    };
    if steady && due {
        after.announced_at = Some(draft.now);
        draft
            .plan
            .events
            .push(events::steady_state(&draft.snapshot.service.name));
    }
    if let Some(announced_at) = after.announced_at.filter(|_| steady) {
        draft.wake(announced_at + events::QUIET_PERIOD);
    }
    draft.plan.steady = (after != before).then_some(after);
}

/// Stops every task of a DRAINING service, protected or not, and lets it be INACTIVE when all of them are at least STOPPING
/// (S-10, PR-02).
pub(super) fn wind_down(draft: &mut Draft<'_>) {
    for task in &draft.snapshot.newly_stopped {
        draft.plan.accounted.push(task.id);
    }
    for deployment in &mut draft.deployments {
        deployment.progress.desired_count = 0;
    }
    for index in 0..draft.tasks.len() {
        draft.stop(index);
    }
    draft.report_stops();
    if draft
        .snapshot
        .tasks
        .iter()
        .all(|task| task.last >= TaskStatus::Stopping)
    {
        draft.plan.status = Some(ServiceStatus::Inactive);
        for deployment in &mut draft.deployments {
            deployment.progress.status = DeploymentStatus::Inactive;
        }
    }
}
