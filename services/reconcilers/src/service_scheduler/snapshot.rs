//! From rows to what the planner works on.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::{ContainerInstanceId, DeploymentId, InstanceStatus, Resources, TaskId, TaskStatus};
use planning::deployment::stop::{FAILED_CONTAINER_HEALTH_REASON, failed_target_reason};
use planning::deployment::{
    CircuitBreaker, Deployment, DeploymentConfiguration, DeploymentStatus, DeploymentStrategy, Host,
    HostState, Memory, PastEvent, PlacementStrategy, Progress, Revision, RollbackTarget, RolloutState,
    SchedulingStrategy, Service, Snapshot, Steady, StopType, StoppedTask, Task,
};
use planning::placement::{BinpackField, Constraint, SpreadField, Strategy};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::launch;
use store::services::load::{HostFacts, Loaded, TaskFacts};
use store::services::{DeploymentRow, Rolling};
use store::{Result, StoreError};

use super::definitions::{Definition, Definitions};
use super::{hooks, targets};
use crate::ReconcilerConfig;

type Known = HashMap<i64, Arc<Definition>>;

/// What the planner needs to know about the service.
pub async fn of(loaded: &Loaded, definitions: &Definitions, config: &ReconcilerConfig) -> Result<Snapshot> {
    let ids: Vec<i64> = loaded
        .deployments
        .iter()
        .chain(&loaded.completed)
        .map(|row| row.task_definition_id)
        .collect();
    let definitions = definitions.get(&ids).await?;
    let (newly_stopped, tasks): (Vec<&TaskFacts>, Vec<&TaskFacts>) = loaded
        .tasks
        .iter()
        .partition(|task| task.last_status == TaskStatus::Stopped);
    let deployments = loaded
        .deployments
        .iter()
        .map(|row| deployment(row, &definitions, loaded))
        .collect::<Result<_>>()?;
    Ok(Snapshot {
        service: service(loaded, &definitions, config)?,
        deployments,
        tasks: tasks
            .into_iter()
            .filter_map(|facts| task(facts, loaded))
            .collect(),
        newly_stopped: newly_stopped.into_iter().filter_map(stopped).collect(),
        hosts: hosts(loaded, &definitions)?,
    })
}

fn service(loaded: &Loaded, definitions: &Known, config: &ReconcilerConfig) -> Result<Service> {
    let row = &loaded.service;
    let spec = &row.spec.0;
    let strategies =
        launch::strategies(&spec.placement_strategy).map_err(|error| inconsistent("services", error))?;
    let rollback_target = loaded.completed.as_ref().map(|row| {
        Ok::<_, StoreError>(RollbackTarget {
            deployment: DeploymentId(row.id),
            revision: revision(row, definitions)?,
        })
    });
    let steady: Steady = memory("services", &row.scheduler)?;
    let past = loaded.events.iter().map(|(at, message)| PastEvent {
        at: *at,
        message: message.clone(),
    });
    Ok(Service {
        name: row.name.clone(),
        status: row.status,
        scheduling_strategy: match row.is_daemon() {
            true => SchedulingStrategy::Daemon,
            false => SchedulingStrategy::Replica,
        },
        desired_count: count(row.desired_count),
        configuration: configuration(spec.rolling, spec.strategy),
        health_check_grace_period: TimeDelta::seconds(
            spec.health_check_grace_period_seconds.unwrap_or(0).into(),
        ),
        healthy_after: config.service_healthy_after,
        availability_zone_rebalancing: false,
        placement_strategy: strategies.into_iter().map(strategy).collect(),
        steady,
        rollback_target: rollback_target.transpose()?,
        recent_events: past.collect(),
    })
}

fn configuration(rolling: Rolling, strategy: store::services::Strategy) -> DeploymentConfiguration {
    DeploymentConfiguration {
        minimum_healthy_percent: count(rolling.minimum_healthy_percent),
        maximum_percent: count(rolling.maximum_percent),
        circuit_breaker: CircuitBreaker {
            enable: rolling.circuit_breaker.enable,
            rollback: rolling.circuit_breaker.rollback,
        },
        strategy: deployment_strategy(strategy),
        alarms: None,
    }
}

fn deployment_strategy(strategy: store::services::Strategy) -> DeploymentStrategy {
    use store::services::Strategy::{BlueGreen, Canary, Linear, Rolling};
    let minutes = |count: i32| TimeDelta::minutes(count.into());
    let share = |percent: f64| (percent * 10.0).round() as u32;
    match strategy {
        Rolling => DeploymentStrategy::Rolling,
        BlueGreen { bake } => DeploymentStrategy::BlueGreen { bake: minutes(bake) },
        Linear {
            step_percent,
            step_bake,
            bake,
        } => DeploymentStrategy::Linear {
            step: share(step_percent),
            step_bake: minutes(step_bake),
            bake: minutes(bake),
        },
        Canary {
            canary_percent,
            canary_bake,
            bake,
        } => DeploymentStrategy::Canary {
            share: share(canary_percent),
            share_bake: minutes(canary_bake),
            bake: minutes(bake),
        },
    }
}

fn strategy(strategy: Strategy) -> PlacementStrategy {
    match strategy {
        Strategy::Random => PlacementStrategy::Random,
        Strategy::Spread(SpreadField::Instance) => PlacementStrategy::Spread("instanceId".to_owned()),
        Strategy::Spread(SpreadField::Attribute(name)) => {
            PlacementStrategy::Spread(format!("attribute:{name}"))
        }
        Strategy::Binpack(BinpackField::Cpu) => PlacementStrategy::BinpackCpu,
        Strategy::Binpack(BinpackField::Memory) => PlacementStrategy::BinpackMemory,
    }
}

fn deployment(row: &DeploymentRow, definitions: &Known, loaded: &Loaded) -> Result<Deployment> {
    let status = match row.status.as_str() {
        "PRIMARY" => DeploymentStatus::Primary,
        "ACTIVE" => DeploymentStatus::Active,
        _ => DeploymentStatus::Inactive,
    };
    let rollout_state = match row.rollout_state.as_str() {
        "COMPLETED" => RolloutState::Completed,
        "FAILED" => RolloutState::Failed,
        _ => RolloutState::InProgress,
    };
    let memory: Memory = memory("deployments", &row.scheduler)?;
    let under_way = loaded.under_way.as_ref();
    let under_way = under_way.filter(|under_way| under_way.deployment_id == row.id);
    let pauses = loaded.pauses.iter().filter(|pause| pause.deployment_id == row.id);
    Ok(Deployment {
        id: DeploymentId(row.id),
        revision: revision(row, definitions)?,
        created_at: row.created_at,
        alarm_raised: false,
        stop_requested: under_way
            .and_then(|under_way| under_way.stop)
            .map(|back| match back {
                true => StopType::Rollback,
                false => StopType::Abort,
            }),
        hooks: under_way.map_or_else(Vec::new, |under_way| hooks::configured(&under_way.hooks)),
        pauses: pauses.map(hooks::pause).collect::<Result<_>>()?,
        progress: Progress {
            status,
            desired_count: count(row.desired_count),
            rollout_state,
            rollout_state_reason: row.rollout_state_reason.clone(),
            failed_tasks: count(row.failed_tasks),
            memory,
        },
    })
}

/// Its id is that of the deployment that began it: a rollback copies from there.
fn revision(row: &DeploymentRow, definitions: &Known) -> Result<Revision> {
    let definition = definitions
        .get(&row.task_definition_id)
        .ok_or_else(|| inconsistent("deployments", "the task definition is gone"))?;
    Ok(Revision {
        id: row.id,
        has_health_check: definition.has_health_check,
        has_test_traffic: row.spec.has_test_traffic(),
        needs: definition.needs.clone(),
    })
}

fn task(facts: &TaskFacts, loaded: &Loaded) -> Option<Task> {
    let targets = targets::of(facts, loaded);
    Some(Task {
        id: TaskId(facts.id),
        deployment: DeploymentId(facts.deployment_id?),
        host: facts.instance_id.map(ContainerInstanceId),
        desired: facts.desired_status,
        last: facts.last_status,
        health: facts.health,
        targets_healthy: targets.healthy,
        failed_target: targets.failed,
        protected_until: facts.protected_until,
        created_at: facts.created_at,
        started_at: facts.started_at,
    })
}

fn stopped(facts: &TaskFacts) -> Option<StoppedTask> {
    // The scheduler's own words are the record of why it stopped a task.
    let for_health = |reason: &str| {
        reason == FAILED_CONTAINER_HEALTH_REASON
            || reason.starts_with(failed_target_reason("").trim_end_matches(')'))
    };
    Some(StoppedTask {
        id: TaskId(facts.id),
        deployment: DeploymentId(facts.deployment_id?),
        started_at: facts.started_at,
        stop_code: facts.stop_code.as_deref().and_then(|code| code.parse().ok()),
        failed_health: facts.stopped_reason.as_deref().is_some_and(for_health),
    })
}

fn hosts(loaded: &Loaded, definitions: &Known) -> Result<Vec<Host>> {
    let daemon = Daemon::of(loaded, definitions)?;
    // What becomes of other hosts is the host watcher's business.
    let states = |status| match status {
        InstanceStatus::Active => Some(HostState::Active),
        InstanceStatus::Draining => Some(HostState::Draining),
        _ => None,
    };
    let hosts = loaded
        .hosts
        .iter()
        .filter_map(|facts| Some((facts, states(facts.status)?)));
    Ok(hosts
        .map(|(facts, state)| host(facts, state, daemon.as_ref()))
        .collect())
}

fn host(facts: &HostFacts, state: HostState, daemon: Option<&Daemon<'_>>) -> Host {
    let attribute = |name: &str| facts.attributes.get(name).cloned().flatten();
    let valued = facts
        .attributes
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    Host {
        id: facts.container_instance_id(),
        state,
        availability_zone: attribute("ecs.availability-zone"),
        // Daemons are not spread: they are on every host.
        attributes: if daemon.is_some() {
            Default::default()
        } else {
            valued.collect()
        },
        remaining: Resources {
            cpu: facts.free_cpu,
            memory: facts.free_memory,
            ..Resources::default()
        },
        eligible: daemon.is_some_and(|daemon| daemon.may_run_on(facts)),
        busy: daemon.is_some_and(|daemon| daemon.has_others(facts)),
    }
}

/// What decides on which hosts a DAEMON service runs (S-60).
struct Daemon<'a> {
    group: String,
    /// Those of all daemons of the cluster.
    daemon_groups: &'a [String],
    constraints: Vec<Constraint>,
    required: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Daemon<'a> {
    fn of(loaded: &'a Loaded, definitions: &'a Known) -> Result<Option<Self>> {
        let row = &loaded.service;
        let primary = loaded
            .deployments
            .iter()
            .find(|deployment| deployment.is_primary());
        let Some(definition) = primary.and_then(|primary| definitions.get(&primary.task_definition_id))
        else {
            return Ok(None);
        };
        if !row.is_daemon() {
            return Ok(None);
        }
        let document = &definition.row.document.0;
        let constraints = launch::constraints(document, &row.spec.placement_constraints)
            .map_err(|error| inconsistent("services", error))?;
        let required = document.requires_attributes.iter().flatten();
        let required = required
            .map(|attribute| (attribute.name.as_str(), attribute.value.as_deref()))
            .collect();
        Ok(Some(Self {
            group: row.task_group(),
            daemon_groups: &loaded.daemon_groups,
            constraints,
            required,
        }))
    }

    fn may_run_on(&self, host: &HostFacts) -> bool {
        let has = |(name, value): &(&str, Option<&str>)| {
            host.attributes
                .get(*name)
                .is_some_and(|its| value.is_none_or(|value| its.as_deref() == Some(value)))
        };
        let satisfies = |constraint: &Constraint| match constraint {
            Constraint::DistinctInstance => true,
            Constraint::MemberOf(expression) => expression.matches(host),
        };
        // A host whose agent is away keeps the task that it has, but gets none (I-05).
        let reachable = host.agent_connected || host.task_groups.contains_key(&self.group);
        reachable && self.required.iter().all(has) && self.constraints.iter().all(satisfies)
    }

    /// Tasks that are no daemon tasks run there (DR-01).
    fn has_others(&self, host: &HostFacts) -> bool {
        host.task_groups
            .keys()
            .any(|group| !self.daemon_groups.contains(group))
    }
}

fn memory<M: DeserializeOwned>(table: &'static str, value: &Value) -> Result<M> {
    M::deserialize(value).map_err(|error| inconsistent(table, error))
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn inconsistent(table: &'static str, reason: impl ToString) -> StoreError {
    StoreError::Inconsistent {
        table,
        reason: reason.to_string(),
    }
}
