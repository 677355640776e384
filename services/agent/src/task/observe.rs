//! From the engine's words about a container to ours.

use agent_protocol::tcs::HealthStatus;
use runtime::ContainerDetails;
use runtime::container::HealthState;

use super::ports;
use super::record::{Health, TaskRecord};
use super::steps::{Observation, Run};

/// What `details` say about container number `index`.
pub fn observation(task: &TaskRecord, index: usize, details: &ContainerDetails) -> Observation {
    let run = match details.status {
        status if status.is_running() => Run::Running,
        status if status.is_stopped() => Run::Exited,
        _ => Run::Created,
    };
    let failed = details.exit_code.is_some_and(|code| code != 0);
    Observation {
        runtime_id: details.id.as_str().to_owned(),
        run,
        created_at: details.created_at,
        started_at: details.started_at,
        finished_at: details.finished_at,
        exit_code: details.exit_code.filter(|_| run == Run::Exited),
        oom_killed: details.oom_killed && failed,
        health: health(details),
        network_bindings: ports::bindings(&task.payload, task.definition(index), &details.ports),
    }
}

fn health(details: &ContainerDetails) -> Health {
    let Some(health) = &details.health else {
        return Health::default();
    };
    let status = match health.state {
        HealthState::Starting => HealthStatus::Unknown,
        HealthState::Healthy => HealthStatus::Healthy,
        HealthState::Unhealthy => HealthStatus::Unhealthy,
    };
    Health {
        status,
        since: health.checked_at,
        exit_code: health.exit_code,
        output: health.output.clone(),
    }
}
