//! What an agent is told of a task: the task of section 5 of the agent protocol, from the task definition, the overrides and the
//! placement. Pure.
//!
//! Roles have no credentials yet, so none are sent, and nothing is asked of the agent that would make it wait for them.

mod container;
mod docker;
mod execution_role;
mod image;
mod logs;
mod secrets;
mod volumes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use agent_protocol::Task;
use agent_protocol::task::{
    Association, Container, DesiredStatus, LaunchType, NetworkMode as WireMode, ProxyConfiguration,
};
use aws_model::ecs::types::{NetworkMode, TaskDefinition};
use domain::{ContainerInstanceId, Scope, TaskId};
use store::instances::Assignment;
use store::task_definitions::TaskDefinitionRow;
use store::tasks::ContainerRecord;
use thiserror::Error;

use crate::LogDriverMode;

/// The host that a payload is for.
#[derive(Debug, Clone)]
pub struct Host {
    pub scope: Scope,
    /// Short name of the cluster.
    pub cluster: String,
    pub instance: ContainerInstanceId,
}

impl Host {
    pub fn cluster_arn(&self) -> String {
        self.scope.cluster_arn(&self.cluster)
    }

    pub fn instance_arn(&self) -> String {
        self.scope.container_instance_arn(&self.cluster, self.instance)
    }

    pub fn task_arn(&self, task: TaskId) -> String {
        self.scope.task_arn(&self.cluster, task)
    }
}

/// Why a task cannot be handed to an agent. The text becomes its stopped reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PayloadError {
    #[error("ResourceInitializationError: network mode {0} is not supported by this version of Berth")]
    NetworkMode(NetworkMode),
    #[error(
        "ResourceInitializationError: volume {name}: {kind} volumes are not supported by this version of Berth"
    )]
    Volume { name: String, kind: &'static str },
    #[error(
        "ResourceInitializationError: unable to pull secrets or registry auth: {what} of container {container} needs credentials of the \
         execution role, which this version of Berth does not have"
    )]
    ExecutionRole { container: String, what: String },
}

/// The task in full, to be started. `log_mode` is the account's, for containers that leave it open.
///
/// # Errors
/// When the definition needs something that no agent of ours can give.
pub fn start(
    host: &Host,
    definition: &TaskDefinitionRow,
    assignment: &Assignment,
    log_mode: LogDriverMode,
) -> Result<Task, PayloadError> {
    let task = whole(host, definition, assignment, log_mode)?;
    execution_role::check(&task)?;
    Ok(task)
}

/// The same, with what only the execution role's credentials would fetch.
fn whole(
    host: &Host,
    definition: &TaskDefinitionRow,
    assignment: &Assignment,
    log_mode: LogDriverMode,
) -> Result<Task, PayloadError> {
    let document = &definition.document.0;
    let spec = &assignment.spec.0;
    if let Some(mode @ NetworkMode::Awsvpc) = document.network_mode {
        return Err(PayloadError::NetworkMode(mode));
    }
    Ok(Task {
        containers: container::all(host, document, assignment, log_mode),
        volumes: volumes::all(document)?,
        network_mode: document.network_mode.map(|mode| WireMode::from(mode.as_str())),
        cpu: spec
            .cpu
            .as_ref()
            .and_then(|units| units.parse::<f64>().ok())
            .map(|units| units / 1024.0),
        memory: spec.memory.as_ref().and_then(|mib| mib.parse().ok()),
        launch_type: Some(LaunchType::from(assignment.launch_type.as_str())),
        pid_mode: document.pid_mode.map(|mode| mode.as_str().to_owned()),
        ipc_mode: document.ipc_mode.map(|mode| mode.as_str().to_owned()),
        service_name: spec.service_name.clone(),
        group: Some(assignment.task_group.clone()),
        proxy_configuration: proxy(document),
        associations: gpus(&assignment.containers.0),
        enable_fault_injection: document.enable_fault_injection,
        desired_status: DesiredStatus::Running,
        ..named(host, definition, assignment)
    })
}

/// The task, to be stopped. The containers are named so that an agent that does not know the task reports them STOPPED at once.
pub fn stop(host: &Host, definition: &TaskDefinitionRow, assignment: &Assignment) -> Task {
    let container = |record: &ContainerRecord| Container {
        name: record.name.clone(),
        image: record.image.clone(),
        essential: record.essential,
        ..Container::default()
    };
    Task {
        containers: assignment.containers.iter().map(container).collect(),
        desired_status: DesiredStatus::Stopped,
        ..named(host, definition, assignment)
    }
}

fn named(host: &Host, definition: &TaskDefinitionRow, assignment: &Assignment) -> Task {
    Task {
        arn: host.task_arn(TaskId(assignment.id)),
        task_cluster_arn: Some(host.cluster_arn()),
        family: definition.family.clone(),
        version: definition.revision.to_string(),
        ..Task::default()
    }
}

fn proxy(document: &TaskDefinition) -> Option<ProxyConfiguration> {
    let proxy = document.proxy_configuration.as_ref()?;
    let properties = proxy.properties.iter().flatten();
    Some(ProxyConfiguration {
        r#type: proxy.r#type.unwrap_or_default().as_str().to_owned(),
        container_name: Some(proxy.container_name.clone()),
        properties: properties
            .filter_map(|pair| Some((pair.name.clone()?, pair.value.clone()?)))
            .collect::<BTreeMap<_, _>>(),
    })
}

/// Which GPU goes to which container (5.6).
fn gpus(containers: &[ContainerRecord]) -> Vec<Association> {
    let of = |record: &ContainerRecord| {
        let name = record.name.clone();
        record.gpu_ids.clone().into_iter().map(move |gpu| Association {
            r#type: "gpu".to_owned(),
            name: gpu,
            containers: vec![name.clone()],
            content: None,
        })
    };
    containers.iter().flat_map(of).collect()
}
