//! Members of the task as a whole.

use std::collections::BTreeSet;

use aws_model::ecs::types::{NetworkMode, TaskDefinition};
use domain::Arn;
use planning::query::Expression;

use super::refuse;
use crate::Result;
use crate::ecs::task_definition::{containers, name_of};

/// Of a definition; RunTask's count together with them (TD-31).
const MOST_CONSTRAINTS: usize = 10;
const LONGEST_EXPRESSION: usize = 2000;
/// GiB (TD-25).
const EPHEMERAL_STORAGE: std::ops::RangeInclusive<i32> = 21..=200;

pub fn check(definition: &TaskDefinition) -> Result<()> {
    for role in [&definition.task_role_arn, &definition.execution_role_arn]
        .into_iter()
        .flatten()
    {
        if !is_role(role) {
            return refuse("Role is not valid");
        }
    }
    let mut wanted = BTreeSet::new();
    for kind in definition.requires_compatibilities.iter().flatten() {
        if !wanted.insert(kind.as_str()) {
            return refuse(format!(
                "Duplicate value in requiresCompatibilities: {}.",
                kind.as_str()
            ));
        }
    }
    if let Some(storage) = &definition.ephemeral_storage {
        if storage.size_in_gib < *EPHEMERAL_STORAGE.start() {
            return refuse("EphemeralStorage size should be at least 21.");
        }
        if storage.size_in_gib > *EPHEMERAL_STORAGE.end() {
            return refuse("EphemeralStorage size should be at most 200.");
        }
    }
    sums(definition)?;
    constraints(definition)?;
    accelerators(definition)?;
    proxy(definition)
}

/// A role's ARN, or its name in this account.
fn is_role(text: &str) -> bool {
    let name = match text.starts_with("arn:") {
        true => match text.parse::<Arn>() {
            Ok(arn) if arn.service == "iam" && arn.account.len() == 12 && arn.kind() == "role" => {
                text.rsplit('/').next().unwrap_or_default().to_owned()
            }
            _ => return false,
        },
        false => text.to_owned(),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed) && text.len() <= 2048
}

/// The containers' cpu and memory fit in the task's (TD-21).
fn sums(definition: &TaskDefinition) -> Result<()> {
    let amount = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
    let containers = containers(definition);
    if let Some(cpu) = amount(&definition.cpu) {
        let sum: i64 = containers
            .iter()
            .filter_map(|container| container.cpu)
            .map(i64::from)
            .sum();
        if sum > cpu {
            return refuse(
                "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value.",
            );
        }
    }
    let Some(memory) = amount(&definition.memory) else {
        return Ok(());
    };
    if let Some(over) = containers
        .iter()
        .find(|c| c.memory.is_some_and(|mib| i64::from(mib) > memory))
    {
        let name = name_of(over);
        return refuse(format!(
            "The 'memory' setting for container '{name}' is greater than for the task."
        ));
    }
    let reserved = containers
        .iter()
        .filter_map(|container| container.memory_reservation.or(container.memory));
    match reserved.map(i64::from).sum::<i64>() > memory {
        true => refuse(
            "The sum of all container memory reservations cannot be greater than the task-level 'memory' value.",
        ),
        false => Ok(()),
    }
}

/// TD-31.
fn constraints(definition: &TaskDefinition) -> Result<()> {
    let constraints = definition.placement_constraints.as_deref().unwrap_or_default();
    if constraints.len() > MOST_CONSTRAINTS {
        return refuse(format!(
            "There can be at most {MOST_CONSTRAINTS} placement constraints."
        ));
    }
    for constraint in constraints {
        if constraint.r#type.is_none() {
            return refuse("A placement constraint needs a type.");
        }
        let expression = constraint.expression.as_deref().unwrap_or_default();
        if expression.chars().count() > LONGEST_EXPRESSION {
            return refuse(format!(
                "A placement constraint's expression can have at most {LONGEST_EXPRESSION} characters."
            ));
        }
        if let Err(error) = Expression::parse(expression) {
            return refuse(format!("Invalid placement constraint expression: {error}"));
        }
    }
    Ok(())
}

fn accelerators(definition: &TaskDefinition) -> Result<()> {
    let mut seen = BTreeSet::new();
    for accelerator in definition.inference_accelerators.iter().flatten() {
        if accelerator.device_name.is_empty() || accelerator.device_type.is_empty() {
            return refuse("An inference accelerator needs a deviceName and a deviceType.");
        }
        if !seen.insert(&accelerator.device_name) {
            return refuse(format!(
                "Duplicate inference accelerator: {}.",
                accelerator.device_name
            ));
        }
    }
    Ok(())
}

fn proxy(definition: &TaskDefinition) -> Result<()> {
    let Some(proxy) = &definition.proxy_configuration else {
        return Ok(());
    };
    if definition.network_mode != Some(NetworkMode::Awsvpc) {
        return refuse("APPMESH proxy configuration is only supported in networkMode=awsvpc.");
    }
    match containers(definition)
        .iter()
        .any(|container| name_of(container) == proxy.container_name)
    {
        true => Ok(()),
        false => refuse(format!(
            "Proxy container [{}] does not exist.",
            proxy.container_name
        )),
    }
}
