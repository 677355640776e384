//! What containers want of each other: dependsOn, links, volumesFrom (TD-26, TD-30).

use std::collections::{BTreeMap, BTreeSet};

use aws_model::ecs::types::{ContainerCondition, ContainerDefinition, ContainerDependency};

use super::{refuse, refuse_in};
use crate::Result;
use crate::ecs::task_definition::name_of;

pub fn check(containers: &[ContainerDefinition]) -> Result<()> {
    let by_name: BTreeMap<&str, &ContainerDefinition> = containers
        .iter()
        .map(|container| (name_of(container), container))
        .collect();
    for container in containers {
        for dependency in container.depends_on.iter().flatten() {
            check_dependency(
                dependency,
                by_name.get(dependency.container_name.as_str()).copied(),
            )?;
        }
        for link in container.links.iter().flatten() {
            let target = linked(link);
            if !by_name.contains_key(target) || target == name_of(container) {
                return refuse_in(
                    container,
                    &format!("Invalid 'links' setting. Unknown container: '{target}'"),
                );
            }
        }
        for volumes in container.volumes_from.iter().flatten() {
            let source = volumes.source_container.as_deref().unwrap_or_default();
            if !by_name.contains_key(source) || source == name_of(container) {
                return refuse(format!(
                    "Invalid 'volumesFrom' setting. Unknown container: '{source}'"
                ));
            }
        }
    }
    check_cycles(&by_name)
}

fn check_dependency(dependency: &ContainerDependency, target: Option<&ContainerDefinition>) -> Result<()> {
    let Some(target) = target else {
        let name = &dependency.container_name;
        return refuse(format!(
            "Cannot depend on container {name} because it does not exist."
        ));
    };
    let checked = target
        .health_check
        .as_ref()
        .is_some_and(|check| check.command.first().is_some_and(|c| c != "NONE"));
    match dependency.condition {
        ContainerCondition::Healthy if !checked => {
            refuse("A dependency container with HEALTHY condition must have health check configured.")
        }
        ContainerCondition::Complete | ContainerCondition::Success if target.essential != Some(false) => {
            refuse(
                "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container.",
            )
        }
        _ => Ok(()),
    }
}

/// The container in `name` or `name:alias`.
fn linked(link: &str) -> &str {
    link.split(':').next().unwrap_or_default()
}

/// Everything that has to be there before a container starts: links and volumes want their container too.
fn wanted(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let depends_on = container
        .depends_on
        .iter()
        .flatten()
        .map(|dependency| dependency.container_name.as_str());
    let links = container.links.iter().flatten().map(|link| linked(link));
    let volumes = container
        .volumes_from
        .iter()
        .flatten()
        .filter_map(|from| from.source_container.as_deref());
    depends_on.chain(links).chain(volumes)
}

/// Takes away what can start until nothing is left, or only containers that wait for each other.
fn check_cycles(by_name: &BTreeMap<&str, &ContainerDefinition>) -> Result<()> {
    let mut waiting: BTreeSet<&str> = by_name.keys().copied().collect();
    loop {
        let ready: Vec<&str> = waiting
            .iter()
            .copied()
            .filter(|name| {
                by_name
                    .get(name)
                    .is_some_and(|c| !wanted(c).any(|other| waiting.contains(other)))
            })
            .collect();
        if ready.is_empty() {
            break;
        }
        waiting.retain(|name| !ready.contains(name));
    }
    match waiting.is_empty() {
        true => Ok(()),
        false => {
            let names: Vec<&str> = waiting.into_iter().collect();
            refuse(format!(
                "Containers depend on each other in a cycle: {}.",
                names.join(", ")
            ))
        }
    }
}
