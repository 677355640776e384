//! How a report changes a task. Pure.

use chrono::{DateTime, Utc};
use domain::{ContainerStatus, DesiredStatus, HealthStatus, TaskStatus};

use super::{ContainerReport, TaskReport};
use crate::tasks::{ContainerRecord, TaskRow};

/// Longest text that is kept of a reason (T-30).
const REASON_LIMIT: usize = 1024;

/// Applies what is new in the report. False if nothing is. A STOPPED task never changes.
pub(super) fn advance(task: &mut TaskRow, report: &TaskReport, now: DateTime<Utc>) -> bool {
    if task.last_status == TaskStatus::Stopped {
        return false;
    }
    let before = task.clone();
    for container in &report.containers {
        advance_container(&mut task.containers.0, container);
    }
    if report.status == Some(TaskStatus::Stopped) {
        stop_all_containers(&mut task.containers.0);
    }
    note_times(task, report, now);
    let essential_ended = ended_essentials(&task.containers.0).next().is_some();
    if essential_ended || report.status == Some(TaskStatus::Stopped) {
        want_stopped(task, report, now);
    }
    if let Some(status) = report.status.filter(|status| *status > task.last_status) {
        task.last_status = status;
        match status {
            TaskStatus::Running => task.started_at = task.started_at.or(Some(now)),
            TaskStatus::Stopped => {
                task.health = HealthStatus::Unknown;
                task.stopped_at = Some(now);
            }
            _ => {}
        }
    }
    differs(&before, task)
}

fn advance_container(containers: &mut [ContainerRecord], report: &ContainerReport) {
    let Some(container) = containers
        .iter_mut()
        .find(|container| container.name == report.name)
    else {
        return;
    };
    if let Some(status) = report.status {
        container.last_status = container.last_status.max(status);
    }
    // The official agent sends the final exit code already with RUNNING when both come in one report.
    if container.last_status == ContainerStatus::Stopped {
        container.exit_code = container.exit_code.or(report.exit_code);
        container.health = HealthStatus::Unknown;
    }
    if let Some(reason) = report.reason.as_deref().filter(|reason| !reason.is_empty()) {
        container.reason = Some(cut(reason));
    }
    if report.runtime_id.as_ref().is_some_and(|id| !id.is_empty()) {
        container.runtime_id.clone_from(&report.runtime_id);
    }
    if report
        .image_digest
        .as_ref()
        .is_some_and(|digest| !digest.is_empty())
    {
        container.image_digest.clone_from(&report.image_digest);
    }
    if !report.network_bindings.is_empty() {
        container.network_bindings.clone_from(&report.network_bindings);
    }
}

fn stop_all_containers(containers: &mut [ContainerRecord]) {
    for container in containers {
        container.last_status = ContainerStatus::Stopped;
        container.health = HealthStatus::Unknown;
    }
}

/// Times come from the host's clock: they are kept in the order of T-03 whatever it shows.
fn note_times(task: &mut TaskRow, report: &TaskReport, now: DateTime<Utc>) {
    let within = |time: DateTime<Utc>, from: DateTime<Utc>| time.min(now).max(from);
    let created = task.created_at;
    task.pull_started_at = task
        .pull_started_at
        .or(report.pull_started_at.map(|time| within(time, created)));
    let from = task.pull_started_at.unwrap_or(created);
    task.pull_stopped_at = task
        .pull_stopped_at
        .or(report.pull_stopped_at.map(|time| within(time, from)));
    let from = task.started_at.or(task.pull_stopped_at).unwrap_or(from);
    let ended = ended_essentials(&task.containers.0)
        .any(|container| container.exit_code.is_some())
        .then_some(now);
    let ended = report
        .execution_stopped_at
        .or(ended)
        .map(|time| within(time, from));
    task.execution_stopped_at = task.execution_stopped_at.or(ended);
}

/// The task is over, or has to be: the first cause counts (T-34).
fn want_stopped(task: &mut TaskRow, report: &TaskReport, now: DateTime<Utc>) {
    if task.desired_status == DesiredStatus::Running {
        let (code, reason) = cause(task, report);
        task.stop_code = task.stop_code.take().or(Some(code.to_owned()));
        task.stopped_reason = task.stopped_reason.take().or(Some(reason));
        task.desired_status = DesiredStatus::Stopped;
    }
    task.stopping_at = task.stopping_at.or(Some(now));
}

/// stopCode and stoppedReason of a task that nobody asked to stop.
fn cause(task: &TaskRow, report: &TaskReport) -> (&'static str, String) {
    const FAILED: &str = "TaskFailedToStart";
    let exited = || {
        (
            "EssentialContainerExited",
            "Essential container in task exited".to_owned(),
        )
    };
    if task.started_at.is_some() {
        return exited();
    }
    let containers = &task.containers.0;
    let others = containers
        .iter()
        .filter(|c| !c.essential && c.last_status == ContainerStatus::Stopped);
    let failure = ended_essentials(containers).chain(others).find_map(start_failure);
    let task_reason = report.reason.as_deref().filter(|reason| !reason.is_empty());
    match failure.or(task_reason) {
        Some(text) => (FAILED, cut(text)),
        None if ended_essentials(containers).any(|container| container.exit_code.is_some()) => exited(),
        None => (FAILED, "Task failed to start".to_owned()),
    }
}

/// The reason of a container that was not brought to run: `<ErrorName>: <text>` (T-31). One that ran and was killed for its memory
/// did run.
fn start_failure(container: &ContainerRecord) -> Option<&str> {
    let reason = container.reason.as_deref()?;
    let name = reason.split(':').next().unwrap_or_default();
    let failed = match container.exit_code {
        // Docker gives an exit code to what it could not start.
        Some(_) => name.starts_with("Cannot") && name.ends_with("Error"),
        None => name.ends_with("Error") && name != "OutOfMemoryError",
    };
    failed.then_some(reason)
}

fn ended_essentials(containers: &[ContainerRecord]) -> impl Iterator<Item = &ContainerRecord> {
    containers
        .iter()
        .filter(|container| container.essential && container.last_status == ContainerStatus::Stopped)
}

fn differs(before: &TaskRow, after: &TaskRow) -> bool {
    let observed = |task: &TaskRow| {
        (
            (task.last_status, task.desired_status, task.health),
            (task.pull_started_at, task.pull_stopped_at, task.started_at),
            (task.stopping_at, task.execution_stopped_at, task.stopped_at),
        )
    };
    observed(before) != observed(after) || before.containers != after.containers
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_LIMIT).collect()
}

#[cfg(test)]
mod tests;
