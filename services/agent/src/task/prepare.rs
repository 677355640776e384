//! All that must stand before a task's first container is created: a definition that this agent can honour, volumes,
//! the cgroup over the whole task, environment files. What fails here stops the task before any container exists (T-32).

use std::collections::BTreeMap;

use agent_protocol::task::{Container, NetworkMode};
use runtime::cgroup::{TaskCgroup, TaskLimits};

use super::environment;
use super::failure::Failure;
use super::record::TaskRecord;
use super::volumes;
use crate::host::Host;

/// What preparation left for the containers.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// Variables from environment files, by container.
    pub environments: Vec<BTreeMap<String, String>>,
    /// `CgroupParent` of the containers.
    pub cgroup_parent: Option<String>,
}

/// Prepares the host for `task`. Doing it again changes nothing.
///
/// # Errors
/// The reason for which the task stops.
pub async fn prepare(host: &Host, task: &TaskRecord) -> Result<Prepared, Failure> {
    check(task)?;
    for volume in &task.payload.volumes {
        volumes::make(host, task, volume).await?;
    }
    let cgroup_parent = make_cgroup(host, task).await?;
    let mut environments = Vec::with_capacity(task.containers.len());
    for container in &task.payload.containers {
        environments.push(environment::fetch(container, &host.http).await?);
    }
    Ok(Prepared {
        environments,
        cgroup_parent,
    })
}

/// Refuses what this agent has no capability for, by name, instead of running something else than was asked for.
fn check(task: &TaskRecord) -> Result<(), Failure> {
    let payload = &task.payload;
    let refuse = |what: &str| Err(Failure::resource(format!("this agent does not support {what}")));
    match &payload.network_mode {
        Some(NetworkMode::Awsvpc) => return refuse("network mode awsvpc"),
        Some(NetworkMode::Other(mode)) => return refuse(&format!("network mode {mode}")),
        Some(NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None) | None => {}
    }
    for (name, mode) in [("pidMode", &payload.pid_mode), ("ipcMode", &payload.ipc_mode)] {
        if mode.as_deref() == Some("task") {
            return refuse(&format!("{name} task"));
        }
    }
    if let Some(attachment) = payload.attachments.first() {
        return refuse(&format!("attachments of type {}", attachment.attachment_type));
    }
    if payload.proxy_configuration.is_some() {
        return refuse("a proxy configuration");
    }
    payload.containers.iter().try_for_each(check_container)
}

fn check_container(container: &Container) -> Result<(), Failure> {
    let refuse = |what: &str| {
        Err(Failure::resource(format!(
            "this agent does not support {what} (container {})",
            container.name
        )))
    };
    if let Some(secret) = container.secrets.first() {
        let text = format!(
            "unable to pull secrets or registry auth: secret {} of container {} ({}): this agent cannot read secrets",
            secret.name, container.name, secret.value_from
        );
        return Err(Failure::resource(text));
    }
    if let Some(auth) = &container.registry_authentication {
        let text = format!(
            "unable to pull secrets or registry auth: registry authentication of type {} of container {} needs a \
             secrets service, which this agent cannot reach; give the keys of the registry to the agent instead",
            auth.r#type, container.name
        );
        return Err(Failure::resource(text));
    }
    if container.firelens_configuration.is_some() {
        return refuse("FireLens");
    }
    if !container.credential_specs.is_empty() {
        return refuse("credential specs");
    }
    Ok(())
}

async fn make_cgroup(host: &Host, task: &TaskRecord) -> Result<Option<String>, Failure> {
    let Some(cgroup) = cgroup_of(host, task) else {
        return Ok(None);
    };
    let limits = TaskLimits {
        vcpus: task.payload.cpu,
        memory_bytes: task
            .payload
            .memory
            .and_then(|mib| u64::try_from(mib).ok())
            .map(|mib| mib * 1024 * 1024),
    };
    let parent = cgroup.parent();
    match tokio::task::spawn_blocking(move || cgroup.create(&limits)).await {
        Ok(Ok(())) => Ok(Some(parent)),
        Ok(Err(error)) => Err(Failure::resource(format!(
            "unable to make the task's cgroup: {error}"
        ))),
        Err(error) => Err(Failure::resource(format!(
            "unable to make the task's cgroup: {error}"
        ))),
    }
}

/// The cgroup over the whole task, if it has limits and the host can set them (K-06).
pub fn cgroup_of(host: &Host, task: &TaskRecord) -> Option<TaskCgroup> {
    let limited =
        task.payload.cpu.is_some_and(|cpu| cpu > 0.0) || task.payload.memory.is_some_and(|mib| mib > 0);
    host.cgroups
        .as_ref()
        .filter(|_| limited)
        .map(|tree| tree.task(task.id()))
}
