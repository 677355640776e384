//! Task definitions: references to them, and what registration checks, fills in and derives (section 4 of the behaviour rules).
//!
//! The order is the one of [`build`]: size, amounts in their stored form, rules, launch types that fit, capabilities that a host
//! must have, defaults. A host that lacks one of the capabilities gets no task of the definition, so that what this version's agent
//! can not do is never left out silently.

mod amounts;
mod attributes;
mod check;
mod compatibility;
mod defaults;
pub mod reference;

use aws_model::ecs::types::{ContainerDefinition, RegisterTaskDefinitionRequest, TaskDefinition};

use crate::{Error, Result};

pub use reference::{find, find_active};

/// Largest definition, bytes of its JSON (TD-33).
const MAX_BYTES: usize = 64 * 1024;

/// What is stored of a request: checked, with its defaults, and with what follows from it. The request's tags are not looked at.
///
/// # Errors
/// ClientException for a definition that breaks a rule.
pub fn build(mut input: RegisterTaskDefinitionRequest, registered_by: &str) -> Result<TaskDefinition> {
    input.tags = None;
    let length = aws_model::encode(&input).len();
    if length > MAX_BYTES {
        let text = format!("Actual length: '{length}'. Max allowed length is '{MAX_BYTES}' bytes.");
        return Err(Error::client(text));
    }
    let mut definition = document(input, registered_by);
    amounts::settle(&mut definition)?;
    check::check(&definition)?;
    definition.compatibilities = Some(compatibility::decide(&definition)?);
    definition.requires_attributes = Some(attributes::required(&definition));
    defaults::fill(&mut definition);
    Ok(definition)
}

fn document(input: RegisterTaskDefinitionRequest, registered_by: &str) -> TaskDefinition {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    TaskDefinition {
        container_definitions: Some(input.container_definitions),
        family: Some(input.family),
        task_role_arn: given(input.task_role_arn),
        execution_role_arn: given(input.execution_role_arn),
        network_mode: input.network_mode,
        volumes: input.volumes,
        placement_constraints: input.placement_constraints,
        runtime_platform: input.runtime_platform,
        requires_compatibilities: input.requires_compatibilities,
        cpu: input.cpu,
        memory: input.memory,
        inference_accelerators: input.inference_accelerators,
        pid_mode: input.pid_mode,
        ipc_mode: input.ipc_mode,
        proxy_configuration: input.proxy_configuration,
        ephemeral_storage: input.ephemeral_storage,
        enable_fault_injection: input.enable_fault_injection,
        registered_by: Some(registered_by.to_owned()),
        ..TaskDefinition::default()
    }
}

/// The definition's containers.
fn containers(definition: &TaskDefinition) -> &[ContainerDefinition] {
    definition.container_definitions.as_deref().unwrap_or_default()
}

/// The container's name for an error text.
fn name_of(container: &ContainerDefinition) -> &str {
    container.name.as_deref().unwrap_or_default()
}

/// True if a list is there and not empty.
fn has_any<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|items| !items.is_empty())
}
