//! How far each task can be counted on (D-03, D-04, S-30).

use chrono::{DateTime, Utc};
use domain::{HealthStatus, TaskStatus};

use super::draft::{Draft, View};
use super::events;
use super::snapshot::{Deployment, Host, HostState, Service, Task};
use super::stop::{FAILED_CONTAINER_HEALTH_REASON, failed_target_reason};

/// What a task that is wanted is worth. Ordered: the first ones are given up first (S-50, D-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// On its way to RUNNING.
    Pending,
    /// RUNNING and failing its health checks.
    Unhealthy,
    /// RUNNING on a DRAINING host: counts to the maximum, not to the healthy ones (D-04).
    Leaving,
    /// RUNNING and not known to be healthy yet (D-03).
    Unproven,
    Healthy,
}

/// The standing of a task whose desired status is RUNNING and which has not gone past RUNNING.
pub(super) fn standing(
    task: &Task,
    host: Option<&Host>,
    deployment: &Deployment,
    service: &Service,
    now: DateTime<Utc>,
) -> Standing {
    if task.last < TaskStatus::Running {
        Standing::Pending
    } else if is_failing(task) && !in_grace(task, service, now) {
        Standing::Unhealthy
    } else if is_draining(host) {
        Standing::Leaving
    } else if is_proven(task, deployment, service, now) {
        Standing::Healthy
    } else {
        Standing::Unproven
    }
}

pub(super) fn is_draining(host: Option<&Host>) -> bool {
    host.is_some_and(|host| host.state == HostState::Draining)
}

fn running_since(task: &Task) -> DateTime<Utc> {
    task.started_at.unwrap_or(task.created_at)
}

/// Failing health is ignored for a while after the start (S-30).
pub(super) fn in_grace(task: &Task, service: &Service, now: DateTime<Utc>) -> bool {
    now < running_since(task) + service.health_check_grace_period
}

fn is_failing(task: &Task) -> bool {
    task.health == HealthStatus::Unhealthy || task.failed_target.is_some()
}

/// All health checks that the task has are passed, both kinds if it has both (D-03).
fn passes_checks(task: &Task, deployment: &Deployment) -> bool {
    let check = !deployment.revision.has_health_check || task.health == HealthStatus::Healthy;
    check && !is_failing(task) && task.targets_healthy != Some(false)
}

fn has_checks(task: &Task, deployment: &Deployment) -> bool {
    deployment.revision.has_health_check || task.targets_healthy.is_some()
}

fn is_proven(task: &Task, deployment: &Deployment, service: &Service, now: DateTime<Utc>) -> bool {
    let old_enough = || now >= running_since(task) + service.healthy_after;
    passes_checks(task, deployment) && (has_checks(task, deployment) || old_enough())
}

/// Good enough for a steady state (S-23): targets count once the grace period is over, and a task without any check does not
/// have to prove itself over time.
pub(super) fn is_ready(task: &Task, deployment: &Deployment, service: &Service, now: DateTime<Utc>) -> bool {
    let check = !deployment.revision.has_health_check || task.health == HealthStatus::Healthy;
    let targets = task.targets_healthy != Some(false) || in_grace(task, service, now);
    task.last == TaskStatus::Running && check && targets
}

/// When time alone may change what [`standing`] and [`is_ready`] say.
pub(super) fn next_change(
    task: &Task,
    deployment: &Deployment,
    service: &Service,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if task.last != TaskStatus::Running {
        return None;
    }
    let waits_for_grace = is_failing(task) || task.targets_healthy == Some(false);
    let grace_ends = running_since(task) + service.health_check_grace_period;
    let proven_at = running_since(task) + service.healthy_after;
    [
        waits_for_grace.then_some(grace_ends),
        (!has_checks(task, deployment)).then_some(proven_at),
    ]
    .into_iter()
    .flatten()
    .filter(|at| *at > now)
    .min()
}

/// Tells which tasks fail their health checks (S-33).
pub(super) fn report(draft: &mut Draft<'_>) {
    let service = &draft.snapshot.service.name;
    let unhealthy = draft
        .tasks
        .iter()
        .filter(|view| view.standing == Standing::Unhealthy);
    let texts: Vec<String> = unhealthy
        .map(|View { task, .. }| match &task.failed_target {
            Some(target) => {
                let (port, group, reason) = (target.port, &target.target_group_arn, &target.reason);
                match &target.instance {
                    Some(instance) => {
                        events::unhealthy_target_of_instance(service, instance, port, group, reason)
                    }
                    None => events::unhealthy_target_of_task(service, task.id, port, group, reason),
                }
            }
            None => events::failed_container_health(service, task.id),
        })
        .collect();
    for text in texts {
        draft.say(text);
    }
}

/// `stoppedReason` of a task that is replaced for its health.
pub(super) fn failure_reason(task: &Task) -> String {
    match &task.failed_target {
        Some(target) => failed_target_reason(&target.target_group_arn),
        None => FAILED_CONTAINER_HEALTH_REASON.to_owned(),
    }
}
