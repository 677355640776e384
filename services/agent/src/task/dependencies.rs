//! Who waits for whom inside a task: dependsOn in its four conditions, links and volumesFrom (K-02 to K-04, T-42).

use agent_protocol::task::{Container, DependencyCondition};
use agent_protocol::tcs::HealthStatus;
use chrono::{DateTime, TimeDelta, Utc};

use super::record::{ContainerRecord, Phase, TaskRecord};

/// Whether a container may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// A dependency is not met yet. `until` is when the container gives up waiting, if there is a limit.
    Waiting {
        until: Option<DateTime<Utc>>,
    },
    /// A dependency cannot be met any more; the text says why.
    Hopeless(String),
}

/// Whether container number `index` may start at `now`.
pub fn readiness(task: &TaskRecord, index: usize, now: DateTime<Utc>) -> Readiness {
    let (mut waiting, mut limit) = (false, None);
    for (target, condition) in start_conditions(task.definition(index)) {
        let verdict = match task.index_of(target) {
            None => Readiness::Hopeless(format!("it depends on {target}, which is not in the task")),
            Some(target) => judge(task, target, &condition, now),
        };
        match verdict {
            Readiness::Ready => {}
            Readiness::Waiting { until } => (waiting, limit) = (true, limit.into_iter().chain(until).min()),
            hopeless @ Readiness::Hopeless(_) => return hopeless,
        }
    }
    if let Some(target) = never_to_be_created(task, index) {
        return Readiness::Hopeless(format!("{target} was never created"));
    }
    if waiting {
        Readiness::Waiting { until: limit }
    } else {
        Readiness::Ready
    }
}

/// A container that number `index` cannot be created without, and that is over without having been created.
fn never_to_be_created(task: &TaskRecord, index: usize) -> Option<&str> {
    let is_over = |name: &&str| {
        let target = task.index_of(name).map(|target| &task.containers[target]);
        target.is_some_and(|target| target.phase == Phase::Stopped && target.runtime_id.is_none())
    };
    let uncreated = task.containers[index].phase < Phase::Created;
    create_after(task.definition(index)).find(|name| uncreated && is_over(name))
}

/// Containers that must exist before the engine can create `container`: those it links to or mounts from.
pub fn create_after(container: &Container) -> impl Iterator<Item = &str> {
    let links = container
        .links
        .iter()
        .map(|link| link.split(':').next().unwrap_or(link));
    links.chain(
        container
            .volumes_from
            .iter()
            .map(|from| from.source_container.as_str()),
    )
}

/// Whether every container that depends on number `index` has stopped, so that it may be stopped too (T-42).
pub fn may_stop(task: &TaskRecord, index: usize) -> bool {
    let name = &task.containers[index].name;
    task.payload
        .containers
        .iter()
        .zip(&task.containers)
        .all(|(definition, record)| {
            let depends = start_conditions(definition).any(|(target, _)| target == name)
                || create_after(definition).any(|target| target == name);
            !depends || record.phase == Phase::Stopped || record.name == *name
        })
}

/// dependsOn, and START for each link.
fn start_conditions(container: &Container) -> impl Iterator<Item = (&str, DependencyCondition)> {
    let links = container
        .links
        .iter()
        .map(|link| (link.split(':').next().unwrap_or(link), DependencyCondition::Start));
    container
        .depends_on
        .iter()
        .map(|d| (d.container_name.as_str(), d.condition.clone()))
        .chain(links)
}

fn judge(task: &TaskRecord, index: usize, condition: &DependencyCondition, now: DateTime<Utc>) -> Readiness {
    let target = &task.containers[index];
    let hopeless = |why: &str| Readiness::Hopeless(format!("{} {why}", target.name));
    let stopped = target.phase == Phase::Stopped;
    if stopped && !target.ran() {
        return hopeless("never started");
    }
    let met = match condition {
        DependencyCondition::Start => target.phase >= Phase::Running,
        DependencyCondition::Complete => stopped,
        DependencyCondition::Success if stopped && target.exit_code != Some(0) => {
            return hopeless(&format!("exited with code {}", target.exit_code.unwrap_or(-1)));
        }
        DependencyCondition::Success => stopped,
        DependencyCondition::Healthy if stopped => return hopeless("stopped before it was healthy"),
        DependencyCondition::Healthy => target.health.status == HealthStatus::Healthy,
        DependencyCondition::Other(word) => {
            return hopeless(&format!("would have to meet {word}, an unknown condition"));
        }
    };
    if met {
        return Readiness::Ready;
    }
    let until = match condition {
        DependencyCondition::Start => None,
        _ => give_up_at(target, task.definition(index).start_timeout),
    };
    match until {
        Some(limit) if now >= limit => {
            let seconds = task.definition(index).start_timeout.unwrap_or_default();
            hopeless(&format!(
                "did not meet condition {condition} within {seconds} s of its start"
            ))
        }
        until => Readiness::Waiting { until },
    }
}

/// The target's startTimeout, counted from its start (K-03).
fn give_up_at(target: &ContainerRecord, start_timeout: Option<i64>) -> Option<DateTime<Utc>> {
    let seconds = start_timeout.filter(|seconds| *seconds > 0)?;
    Some(target.started_at? + TimeDelta::seconds(seconds))
}

#[cfg(test)]
mod tests;
