//! Rules that a definition must keep to be registered (TD-20 to TD-39). What differs between launch types is in
//! [`super::compatibility`].

mod container;
mod dependencies;
mod environment;
mod linux;
mod logging;
mod ports;
mod task;
mod volumes;

use std::collections::BTreeSet;

use aws_model::ecs::types::{ContainerDefinition, TaskDefinition};

use super::{containers, name_of};
use crate::{Error, Result};

/// Containers of a definition (section 27).
const MOST_CONTAINERS: usize = 10;

/// Checks a definition whose amounts are settled and whose defaults are not filled in.
///
/// # Errors
/// ClientException for the first rule that is broken.
pub fn check(definition: &TaskDefinition) -> Result<()> {
    let containers = containers(definition);
    names(definition.family.as_deref().unwrap_or_default(), containers)?;
    task::check(definition)?;
    for container in containers {
        container::check(container, definition)?;
        ports::check(container, definition.network_mode)?;
        environment::check(container, definition)?;
        linux::check(container, definition)?;
        logging::check(container)?;
    }
    ports::check_names(containers)?;
    environment::check_count(containers)?;
    logging::check_router(containers)?;
    dependencies::check(containers)?;
    volumes::check(definition)
}

/// TD-20.
fn names(family: &str, containers: &[ContainerDefinition]) -> Result<()> {
    if family.is_empty() {
        return refuse("Family should not be null or empty.");
    }
    if !domain::names::is_resource_name(family) {
        return refuse("Family contains invalid characters.");
    }
    if containers.is_empty() {
        return refuse("Container list cannot be empty.");
    }
    if containers.len() > MOST_CONTAINERS {
        return refuse(format!(
            "Too many containers. A task definition can have at most {MOST_CONTAINERS}."
        ));
    }
    let mut seen = BTreeSet::new();
    for container in containers {
        let name = name_of(container);
        if name.is_empty() {
            return refuse("Container.name should not be null or empty.");
        }
        if container.image.as_deref().unwrap_or_default().is_empty() {
            return refuse("Container.image should not be null or empty.");
        }
        if !domain::names::is_resource_name(name) {
            return refuse("Container.name contains invalid characters.");
        }
        if !seen.insert(name) {
            return refuse("Container names must be unique within a task definition.");
        }
    }
    match containers
        .iter()
        .any(|container| container.essential != Some(false))
    {
        true => Ok(()),
        false => refuse("Task definition doesn't have any essential container."),
    }
}

fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::client(text))
}

/// The refusal of one setting of a container.
fn refuse_in<T>(container: &ContainerDefinition, text: &str) -> Result<T> {
    refuse(format!(
        "Invalid setting for container '{}'. {text}",
        name_of(container)
    ))
}
