//! What the server has not been told of a task yet, as one `SubmitTaskStateChange` (section 4.1). Reports follow from
//! the difference between what is known and what was accepted, so none is lost and none comes out of order.

use agent_protocol::state_change::{
    ContainerChangeStatus, ContainerStateChange, ManagedAgentChangeStatus, ManagedAgentStateChange,
    SubmitTaskStateChangeRequest, TaskChangeStatus,
};

use super::record::{ContainerRecord, Phase, Status, TaskRecord};

const MAX_REASON: usize = 1024;
const MAX_ID: usize = 255;

/// A report, and what the record has to remember once it was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub request: SubmitTaskStateChangeRequest,
    task: Status,
    containers: Vec<Status>,
}

impl Report {
    /// Notes in the record that the server accepted this.
    pub fn accepted(&self, record: &mut TaskRecord) {
        record.reported = record.reported.max(self.task);
        for (container, told) in record.containers.iter_mut().zip(&self.containers) {
            container.reported = container.reported.max(*told);
        }
    }
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    Nothing,
    /// The task moved: to be told at once.
    Now(Box<Report>),
    /// Only containers moved: may wait a moment for more to happen.
    Soon(Box<Report>),
}

/// The next report for the server.
pub fn due(record: &TaskRecord, cluster: &str) -> Due {
    let known = record.known();
    let build = |status: Status, repeat: bool| Box::new(build(record, cluster, status, repeat));
    if record.reported == Status::Stopped {
        return Due::Nothing;
    }
    if record.was_running && record.reported < Status::Running {
        return Due::Now(build(Status::Running, true));
    }
    if known == Status::Stopped {
        return Due::Now(build(Status::Stopped, true));
    }
    if record.pulled
        && record.reported == Status::None
        && record.containers.iter().all(|c| c.phase >= Phase::Pulled)
    {
        return Due::Now(build(Status::Pending, false));
    }
    let moved = record
        .containers
        .iter()
        .any(|c| container_status(c) > c.reported.max(Status::Pending));
    if moved {
        Due::Soon(build(known, false))
    } else {
        Due::Nothing
    }
}

/// `repeat` lists containers although nothing new happened to them.
fn build(record: &TaskRecord, cluster: &str, status: Status, repeat: bool) -> Report {
    let mut containers = Vec::new();
    let mut told = Vec::new();
    for container in &record.containers {
        let now = container_status(container);
        told.push(now.max(container.reported));
        if now == Status::None || (!repeat && now <= container.reported) {
            continue;
        }
        // A container that came up and ended since the last report is told in both states, in order.
        if now == Status::Stopped && container.ran() && container.reported < Status::Running {
            containers.push(change(container, ContainerChangeStatus::Running));
        }
        containers.push(change(container, change_status(now)));
    }
    let stopped = status == Status::Stopped;
    let request = SubmitTaskStateChangeRequest {
        cluster: Some(cluster.to_owned()),
        task: record.arn().to_owned(),
        status: Some(match status {
            Status::None | Status::Pending => TaskChangeStatus::Pending,
            Status::Running => TaskChangeStatus::Running,
            Status::Stopped => TaskChangeStatus::Stopped,
        }),
        reason: Some(cut(record.reason.as_deref().unwrap_or_default(), MAX_REASON)),
        containers,
        managed_agents: if record.reported == Status::None {
            managed_agents(record)
        } else {
            Vec::new()
        },
        attachments: Vec::new(),
        pull_started_at: record.pull_started_at,
        pull_stopped_at: record.pull_stopped_at,
        execution_stopped_at: record.execution_stopped_at.filter(|_| stopped),
    };
    Report {
        request,
        task: status,
        containers: told,
    }
}

fn container_status(container: &ContainerRecord) -> Status {
    match container.phase {
        Phase::None => Status::None,
        Phase::Pulled | Phase::Created if container.image_digest.is_some() => Status::Pending,
        Phase::Pulled | Phase::Created => Status::None,
        Phase::Running => Status::Running,
        Phase::Stopped => Status::Stopped,
    }
}

fn change_status(status: Status) -> ContainerChangeStatus {
    match status {
        Status::None | Status::Pending => ContainerChangeStatus::Pending,
        Status::Running => ContainerChangeStatus::Running,
        Status::Stopped => ContainerChangeStatus::Stopped,
    }
}

fn change(container: &ContainerRecord, status: ContainerChangeStatus) -> ContainerStateChange {
    let ended = container.phase == Phase::Stopped;
    ContainerStateChange {
        container_name: container.name.clone(),
        runtime_id: container.runtime_id.as_deref().map(|id| cut(id, MAX_ID)),
        image_digest: container
            .image_digest
            .as_deref()
            .map(|digest| cut(digest, MAX_ID)),
        // Absent, not 0, for a container that never ran (T-33).
        exit_code: container.exit_code.filter(|_| ended),
        reason: container.reason.as_deref().map(|reason| cut(reason, MAX_REASON)),
        status,
        network_bindings: container.network_bindings.clone(),
    }
}

/// This agent has no ExecuteCommandAgent, and says so instead of leaving the server waiting for it.
fn managed_agents(record: &TaskRecord) -> Vec<ManagedAgentStateChange> {
    let all = record
        .payload
        .containers
        .iter()
        .flat_map(|c| c.managed_agents.iter().map(move |agent| (c, agent)));
    all.map(|(container, agent)| ManagedAgentStateChange {
        managed_agent_name: agent.name.clone(),
        container_name: container.name.clone(),
        status: ManagedAgentChangeStatus::Stopped,
        reason: Some(format!("this agent does not run {}", agent.name)),
    })
    .collect()
}

/// The server takes no null character, and a report that it refuses is lost.
fn cut(text: &str, length: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(length).collect()
}

#[cfg(test)]
mod tests;
