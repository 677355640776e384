//! From a task definition and a call to what placement needs and what the new task is made of. Used by RunTask, StartTask and the
//! service scheduler, so that all tasks come about the same way.

use aws_model::ecs::types::{
    ContainerDefinition, ContainerOverride, NetworkConfiguration, NetworkMode, PlacementConstraint,
    PlacementConstraintType, PlacementStrategy, PlacementStrategyType, ResourceType, TaskDefinition,
    TaskOverride, TransportProtocol,
};
use domain::{ContainerStatus, HealthStatus, Resources};
use planning::placement::{BinpackField, Constraint, MAX_STRATEGIES, Request, Strategy};
use planning::query::Expression;
use thiserror::Error;
use uuid::Uuid;

use crate::placement::TaskTemplate;
use crate::task_definitions::TaskDefinitionRow;
use crate::tasks::{ContainerRecord, TaskSpec};

/// Constraints of a definition and a call together (P-02).
const MAX_CONSTRAINTS: usize = 10;
/// MiB of a container; the engine refuses less (TD-21).
const LEAST_MEMORY: i32 = 6;

/// Why a task cannot be made this way. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchError {
    #[error("{0}")]
    Invalid(String),
}

/// The call.
#[derive(Debug, Clone, Default)]
pub struct Launch<'a> {
    pub overrides: Option<&'a TaskOverride>,
    pub constraints: &'a [PlacementConstraint],
    pub strategies: &'a [PlacementStrategy],
    pub network_configuration: Option<&'a NetworkConfiguration>,
    pub group: String,
    pub started_by: Option<String>,
    /// `EC2` or `EXTERNAL`.
    pub launch_type: String,
    /// Row id, name and deployment digits of the service.
    pub service: Option<(i64, String, i64)>,
}

/// What placement needs and what the tasks are made of.
pub fn prepare(
    definition: &TaskDefinitionRow,
    launch: &Launch<'_>,
) -> Result<(Request, TaskTemplate), LaunchError> {
    let document = &definition.document.0;
    let overrides = launch.overrides.cloned().unwrap_or_default();
    let containers = document.container_definitions.as_deref().unwrap_or_default();
    check_overrides(&overrides, containers)?;
    let resources = resources(document, &overrides)?;
    let request = Request {
        group: launch.group.clone(),
        resources: resources.clone(),
        required_attributes: required_attributes(document),
        constraints: constraints(document, launch.constraints)?,
        strategies: strategies(launch.strategies)?,
        default_spread: launch.service.is_some(),
    };
    let records: Vec<ContainerRecord> = containers
        .iter()
        .map(|container| record(container, override_of(&overrides, container)))
        .collect();
    let gpu_counts = containers
        .iter()
        .map(|c| gpus(c, override_of(&overrides, c)).map(|n| n as usize));
    let template = TaskTemplate {
        task_definition_id: definition.id,
        service: launch
            .service
            .as_ref()
            .map(|(id, _, deployment)| (*id, *deployment)),
        group: launch.group.clone(),
        started_by: launch.started_by.clone(),
        launch_type: launch.launch_type.clone(),
        resources,
        gpu_counts: gpu_counts.collect::<Result<_, _>>()?,
        spec: TaskSpec {
            cpu: overrides.cpu.clone().or_else(|| document.cpu.clone()),
            memory: overrides.memory.clone().or_else(|| document.memory.clone()),
            overrides,
            network_configuration: launch.network_configuration.cloned(),
            service_name: launch.service.as_ref().map(|(_, name, _)| name.clone()),
            ..TaskSpec::default()
        },
        containers: records,
    };
    Ok((request, template))
}

/// What a task takes of its host (I-04).
pub fn resources(document: &TaskDefinition, overrides: &TaskOverride) -> Result<Resources, LaunchError> {
    let containers = document.container_definitions.as_deref().unwrap_or_default();
    let task_level = |overriding: &Option<String>, defined: &Option<String>| {
        overriding
            .as_ref()
            .or(defined.as_ref())
            .map(|text| text.parse::<i64>())
            .transpose()
    };
    let invalid = |what: &str| LaunchError::Invalid(format!("Invalid '{what}' setting for task."));
    let cpu = task_level(&overrides.cpu, &document.cpu).map_err(|_| invalid("cpu"))?;
    let memory = task_level(&overrides.memory, &document.memory).map_err(|_| invalid("memory"))?;
    let mut needs = Resources::default();
    let (mut cpu_sum, mut memory_sum) = (0, 0);
    for container in containers {
        let over = override_of(overrides, container);
        let (cpu, memory) = container_needs(container, over);
        cpu_sum += cpu;
        memory_sum += memory;
        needs.gpus = needs.gpus.saturating_add(gpus(container, over)?);
        add_ports(&mut needs, container, document.network_mode);
    }
    needs.cpu = cpu.unwrap_or(cpu_sum);
    needs.memory = memory.unwrap_or(memory_sum);
    Ok(needs)
}

/// CPU units and MiB of a container: memoryReservation counts before memory (I-04).
fn container_needs(container: &ContainerDefinition, over: Option<&ContainerOverride>) -> (i64, i64) {
    let pick = |overriding: Option<i32>, defined: Option<i32>| overriding.or(defined).map(i64::from);
    let cpu = pick(over.and_then(|o| o.cpu), container.cpu).unwrap_or(0);
    let reservation = pick(
        over.and_then(|o| o.memory_reservation),
        container.memory_reservation,
    );
    let memory = pick(over.and_then(|o| o.memory), container.memory);
    (cpu, reservation.or(memory).unwrap_or(0))
}

fn gpus(container: &ContainerDefinition, over: Option<&ContainerOverride>) -> Result<u32, LaunchError> {
    let requirements = over
        .and_then(|o| o.resource_requirements.as_ref())
        .or(container.resource_requirements.as_ref());
    let mut sum = 0_u32;
    for requirement in requirements
        .into_iter()
        .flatten()
        .filter(|r| r.r#type == ResourceType::Gpu)
    {
        let count = requirement.value.parse::<u32>().map_err(|_| {
            LaunchError::Invalid(format!(
                "The GPU count '{}' is not a whole number.",
                requirement.value
            ))
        })?;
        sum = sum.saturating_add(count);
    }
    Ok(sum)
}

/// Fixed host ports; in host mode a container port is a host port (TD-26).
fn add_ports(needs: &mut Resources, container: &ContainerDefinition, mode: Option<NetworkMode>) {
    let host_mode = mode == Some(NetworkMode::Host);
    if matches!(mode, Some(NetworkMode::None | NetworkMode::Awsvpc)) {
        return;
    }
    for mapping in container.port_mappings.iter().flatten() {
        let port = match mapping.host_port {
            Some(port) if port > 0 => port,
            _ if host_mode => mapping.container_port.unwrap_or(0),
            _ => continue,
        };
        let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
            continue;
        };
        match mapping.protocol {
            Some(TransportProtocol::Udp) => needs.ports_udp.push(port),
            _ => needs.ports.push(port),
        }
    }
}

fn required_attributes(document: &TaskDefinition) -> Vec<(String, Option<String>)> {
    let attributes = document.requires_attributes.iter().flatten();
    attributes
        .map(|attribute| (attribute.name.clone(), attribute.value.clone()))
        .collect()
}

/// The definition's and the call's constraints (TD-31, P-02, P-22).
pub fn constraints(
    document: &TaskDefinition,
    call: &[PlacementConstraint],
) -> Result<Vec<Constraint>, LaunchError> {
    let mut all = Vec::new();
    for constraint in document.placement_constraints.iter().flatten() {
        all.push(member_of(constraint.expression.as_deref())?);
    }
    for constraint in call {
        all.push(match constraint.r#type {
            Some(PlacementConstraintType::DistinctInstance) if constraint.expression.is_some() => {
                return Err(LaunchError::Invalid(
                    "distinctInstance takes no expression.".to_owned(),
                ));
            }
            Some(PlacementConstraintType::DistinctInstance) => Constraint::DistinctInstance,
            Some(PlacementConstraintType::MemberOf) => member_of(constraint.expression.as_deref())?,
            None => {
                return Err(LaunchError::Invalid(
                    "A placement constraint needs a type.".to_owned(),
                ));
            }
        });
    }
    if all.len() > MAX_CONSTRAINTS {
        return Err(LaunchError::Invalid(format!(
            "There can be at most {MAX_CONSTRAINTS} placement constraints."
        )));
    }
    Ok(all)
}

fn member_of(expression: Option<&str>) -> Result<Constraint, LaunchError> {
    let text = expression.unwrap_or_default();
    let parsed = Expression::parse(text);
    parsed
        .map(Constraint::MemberOf)
        .map_err(|error| LaunchError::Invalid(format!("Invalid placement constraint expression: {error}")))
}

/// The call's strategies (P-03).
pub fn strategies(call: &[PlacementStrategy]) -> Result<Vec<Strategy>, LaunchError> {
    if call.len() > MAX_STRATEGIES {
        return Err(LaunchError::Invalid(format!(
            "There can be at most {MAX_STRATEGIES} placement strategies."
        )));
    }
    call.iter().map(strategy).collect()
}

fn strategy(item: &PlacementStrategy) -> Result<Strategy, LaunchError> {
    let field = item.field.as_deref().filter(|field| !field.is_empty());
    match (item.r#type, field) {
        (Some(PlacementStrategyType::Random), None) => Ok(Strategy::Random),
        (Some(PlacementStrategyType::Random), Some(_)) => Err(LaunchError::Invalid(
            "The random strategy takes no field.".to_owned(),
        )),
        (Some(PlacementStrategyType::Spread), Some(field)) => match field.parse() {
            Ok(field) => Ok(Strategy::Spread(field)),
            Err(never) => match never {},
        },
        (Some(PlacementStrategyType::Binpack), Some(field)) => field
            .parse::<BinpackField>()
            .map(Strategy::Binpack)
            .map_err(|error| LaunchError::Invalid(format!("Invalid placement strategy: {error}."))),
        (Some(kind), None) => Err(LaunchError::Invalid(format!(
            "The placement strategy {} needs a field.",
            kind.as_str()
        ))),
        (None, _) => Err(LaunchError::Invalid(
            "A placement strategy needs a type.".to_owned(),
        )),
    }
}

fn override_of<'a>(
    overrides: &'a TaskOverride,
    container: &ContainerDefinition,
) -> Option<&'a ContainerOverride> {
    overrides
        .container_overrides
        .iter()
        .flatten()
        .find(|over| over.name == container.name)
}

/// Overrides are for containers of the definition, in amounts that a definition could have (TD-21, TD-22).
fn check_overrides(overrides: &TaskOverride, containers: &[ContainerDefinition]) -> Result<(), LaunchError> {
    for over in overrides.container_overrides.iter().flatten() {
        let name = over.name.as_deref().unwrap_or_default();
        if !containers.iter().any(|container| container.name == over.name) {
            return Err(LaunchError::Invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
        let amounts = [
            ("cpu", over.cpu, 0),
            ("memory", over.memory, LEAST_MEMORY),
            ("memoryReservation", over.memory_reservation, LEAST_MEMORY),
        ];
        for (setting, amount, least) in amounts {
            if amount.is_some_and(|amount| amount < least) {
                return Err(LaunchError::Invalid(format!(
                    "Invalid setting for container '{name}'. '{setting}' must be at least {least}."
                )));
            }
        }
    }
    Ok(())
}

fn record(container: &ContainerDefinition, over: Option<&ContainerOverride>) -> ContainerRecord {
    let text = |overriding: Option<i32>, defined: Option<i32>| overriding.or(defined).map(|n| n.to_string());
    let checked = container
        .health_check
        .as_ref()
        .and_then(|check| check.command.first());
    ContainerRecord {
        name: container.name.clone().unwrap_or_default(),
        id: Uuid::nil(),
        image: container.image.clone().unwrap_or_default(),
        essential: container.essential.unwrap_or(true),
        has_health_check: checked.is_some_and(|first| first != "NONE"),
        last_status: ContainerStatus::Pending,
        health: HealthStatus::Unknown,
        exit_code: None,
        reason: None,
        runtime_id: None,
        image_digest: None,
        network_bindings: Vec::new(),
        cpu: text(over.and_then(|o| o.cpu), container.cpu).or_else(|| Some("0".to_owned())),
        memory: text(over.and_then(|o| o.memory), container.memory),
        memory_reservation: text(
            over.and_then(|o| o.memory_reservation),
            container.memory_reservation,
        ),
        gpu_ids: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
