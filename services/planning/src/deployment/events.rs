//! Byte-exact texts of service events. Those that name new tasks or placement failures are for the caller, who learns of them
//! only after placement; the rest is said by plans.

use std::fmt::{Display, Write};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{DeploymentId, TaskId};

use super::snapshot::PastEvent;
use crate::placement::Refusal;

/// For so long a message is not repeated, and so often a lasting steady state is confirmed (S-11).
pub const QUIET_PERIOD: TimeDelta = TimeDelta::hours(6);

/// The same message was said less than [`QUIET_PERIOD`] ago (S-11).
pub fn is_repeat(recent: &[PastEvent], message: &str, now: DateTime<Utc>) -> bool {
    let same = recent.iter().filter(|event| event.message == message);
    same.into_iter().any(|event| now - event.at < QUIET_PERIOD)
}

fn task_list(tasks: &[TaskId]) -> String {
    let mut list = String::new();
    for task in tasks {
        let separator = if list.is_empty() { "" } else { " " };
        let _ = write!(list, "{separator}(task {task})");
    }
    list
}

/// S-52.
pub fn started(service: &str, tasks: &[TaskId]) -> String {
    format!(
        "(service {service}) has started {} tasks: {}.",
        tasks.len(),
        task_list(tasks)
    )
}

/// S-52.
pub fn stopped(service: &str, tasks: &[TaskId]) -> String {
    format!(
        "(service {service}) has stopped {} running tasks: {}.",
        tasks.len(),
        task_list(tasks)
    )
}

/// S-23.
pub fn steady_state(service: &str) -> String {
    format!("(service {service}) has reached a steady state.")
}

/// D-17.
pub fn deployment_completed(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment completed.")
}

/// D-17.
pub fn deployment_failed_to_start(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: tasks failed to start.")
}

/// D-26; the text is ours.
pub fn deployment_failed_by_alarm(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: alarm detected.")
}

pub fn deployment_stopped(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: stopped by the user.")
}

pub fn deployment_timed_out(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: a lifecycle stage timed out.")
}

/// BG-09; the text is ours.
pub fn deployment_failed_by_hook(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: a lifecycle hook failed.")
}

/// D-17.
pub fn rolling_back(service: &str, deployment: DeploymentId) -> String {
    format!("(service {service}) rolling back to deployment {deployment}.")
}

/// D-02: neither limit leaves room for a first step.
pub fn stuck(service: &str) -> String {
    format!(
        "(service {service}) was unable to stop or start tasks during a deployment because of the service deployment \
         configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )
}

/// S-40.
pub fn cannot_start_consistently(service: &str) -> String {
    format!("(service {service}) is unable to consistently start tasks successfully.")
}

/// S-41.
pub fn operations_throttled(service: &str) -> String {
    format!("(service {service}) operations are being throttled. Will try again later.")
}

/// S-53.
pub fn too_many_protected(service: &str, deployment: DeploymentId) -> String {
    format!(
        "(service {service}) was unable to reach steady state because task set ({deployment}) was unable to scale in. \
         Reason: The number of protected tasks are more than the desired count of tasks"
    )
}

/// S-33.
pub fn failed_container_health(service: &str, task: TaskId) -> String {
    format!("(service {service}) (task {task}) failed container health checks.")
}

/// S-33, by task.
pub fn unhealthy_target_of_task(service: &str, task: TaskId, port: u16, group: &str, reason: &str) -> String {
    let of = format_args!("(service {service}) (task {task}) (port {port})");
    format!("{of} is unhealthy in (target-group {group}) due to (reason {reason})")
}

/// S-33, for targets of type instance.
pub fn unhealthy_target_of_instance(
    service: &str,
    instance: impl Display,
    port: u16,
    group: &str,
    reason: &str,
) -> String {
    let of = format_args!("(service {service}) (instance {instance}) (port {port})");
    format!("{of} is unhealthy in (target-group {group}) due to (reason {reason})")
}

/// S-33, for targets of type ip.
pub fn unhealthy_target_of_address(service: &str, port: u16, group: &str, reason: &str) -> String {
    format!(
        "(service {service}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason})"
    )
}

/// D-17.
pub fn registered_targets(service: &str, count: usize, group: &str) -> String {
    format!("(service {service}) registered {count} targets in (target-group {group})")
}

/// D-17.
pub fn deregistered_targets(service: &str, count: usize, group: &str) -> String {
    format!("(service {service}) deregistered {count} targets in (target-group {group})")
}

/// LB-05.
pub fn failed_to_register(service: &str, group: &str, error: &str) -> String {
    format!("(service {service}) failed to register targets in (target-group {group}) with (error {error})")
}

/// D-17.
pub fn draining_connections(service: &str, deployment: DeploymentId, count: usize) -> String {
    format!("(service {service}, taskSet {deployment}) has begun draining connections on {count} tasks.")
}

/// S-42; `closest` is the host that came nearest, if one stands out.
pub fn unable_to_place(service: &str, closest: Option<&Refusal>) -> String {
    let reason = "no container instance met all of its requirements.";
    let closest = closest.map(|refusal| format!(" {refusal}")).unwrap_or_default();
    format!("(service {service}) was unable to place a task because {reason}{closest}{GUIDE}")
}

/// S-42, when the cluster has no container instance at all.
pub fn no_container_instances(service: &str) -> String {
    let reason = "Reason: No Container Instances were found in your cluster.";
    format!(
        "(service {service}) was unable to place a task because no container instance met all of its requirements. {reason}{GUIDE}"
    )
}

const GUIDE: &str =
    " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
