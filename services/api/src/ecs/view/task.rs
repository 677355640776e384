//! A task as the API shows it (sections 5 and 6).

use aws_model::ecs::types::{
    Attribute, Connectivity, Container, ContainerOverride, HealthStatus as ApiHealth, NetworkBinding, Tag,
    Task,
};
use domain::{HealthStatus, Scope, TaskId};
use store::tasks::{ContainerRecord, NetworkBindingRecord, ShownTask};

/// The task of a cluster. `tags` is empty when they were not asked for (TG-06).
pub fn task(scope: &Scope, cluster: &str, shown: ShownTask, tags: Vec<Tag>) -> Task {
    let ShownTask {
        task: row,
        family,
        revision,
        ..
    } = shown;
    let id = TaskId(row.id);
    let arn = scope.task_arn(cluster, id);
    let spec = row.spec.0;
    let mut overrides = spec.overrides;
    overrides.container_overrides = Some(container_overrides(
        overrides.container_overrides,
        &row.containers.0,
    ));
    overrides.inference_accelerator_overrides.get_or_insert_default();
    let architecture = shown.host_cpu_architecture.map(|value| Attribute {
        name: "ecs.cpu-architecture".to_owned(),
        value: Some(value),
        ..Attribute::default()
    });
    Task {
        attachments: Some(Vec::new()),
        attributes: Some(architecture.into_iter().collect()),
        availability_zone: shown.host_availability_zone.or(spec.availability_zone),
        capacity_provider_name: row.capacity_provider,
        cluster_arn: Some(scope.cluster_arn(cluster)),
        connectivity: shown.host_connected.map(|connected| match connected {
            true => Connectivity::Connected,
            false => Connectivity::Disconnected,
        }),
        connectivity_at: shown.host_connected_at.map(|at| at.max(row.created_at).into()),
        container_instance_arn: row
            .instance_id
            .map(|id| scope.container_instance_arn(cluster, domain::ContainerInstanceId(id))),
        containers: Some(
            row.containers
                .0
                .into_iter()
                .map(|record| container(scope, cluster, id, &arn, record))
                .collect(),
        ),
        cpu: spec.cpu,
        memory: spec.memory,
        created_at: Some(row.created_at.into()),
        desired_status: Some(row.desired_status.as_str().to_owned()),
        enable_execute_command: Some(spec.enable_execute_command),
        execution_stopped_at: row.execution_stopped_at.map(Into::into),
        group: Some(row.task_group),
        health_status: Some(health(row.health)),
        inference_accelerators: Some(Vec::new()),
        last_status: Some(row.last_status.as_str().to_owned()),
        launch_type: row.launch_type.parse().ok(),
        overrides: Some(overrides),
        platform_version: spec.platform_version,
        pull_started_at: row.pull_started_at.map(Into::into),
        pull_stopped_at: row.pull_stopped_at.map(Into::into),
        started_at: row.started_at.map(Into::into),
        started_by: row.started_by,
        stop_code: row.stop_code.and_then(|code| code.parse().ok()),
        stopped_at: row.stopped_at.map(Into::into),
        stopped_reason: row.stopped_reason,
        stopping_at: row.stopping_at.map(Into::into),
        tags: Some(tags),
        task_arn: Some(arn),
        task_definition_arn: Some(scope.task_definition_arn(&family, revision)),
        version: Some(row.version),
        ..Task::default()
    }
}

/// One entry for each container, whether it is overridden or not (T-13).
fn container_overrides(
    given: Option<Vec<ContainerOverride>>,
    containers: &[ContainerRecord],
) -> Vec<ContainerOverride> {
    let mut given = given.unwrap_or_default();
    for container in containers {
        if !given
            .iter()
            .any(|over| over.name.as_deref() == Some(&container.name))
        {
            given.push(ContainerOverride {
                name: Some(container.name.clone()),
                ..ContainerOverride::default()
            });
        }
    }
    given
}

fn container(
    scope: &Scope,
    cluster: &str,
    task: TaskId,
    task_arn: &str,
    record: ContainerRecord,
) -> Container {
    Container {
        container_arn: Some(scope.container_arn(cluster, task, record.id)),
        task_arn: Some(task_arn.to_owned()),
        name: Some(record.name),
        image: Some(record.image),
        image_digest: record.image_digest,
        runtime_id: record.runtime_id,
        last_status: Some(record.last_status.as_str().to_owned()),
        exit_code: record.exit_code,
        reason: record.reason,
        network_bindings: Some(record.network_bindings.into_iter().map(binding).collect()),
        network_interfaces: Some(Vec::new()),
        health_status: Some(health(record.health)),
        cpu: record.cpu,
        memory: record.memory,
        memory_reservation: record.memory_reservation,
        gpu_ids: (!record.gpu_ids.is_empty()).then_some(record.gpu_ids),
        ..Container::default()
    }
}

fn binding(record: NetworkBindingRecord) -> NetworkBinding {
    NetworkBinding {
        bind_ip: record.bind_ip,
        container_port: record.container_port,
        host_port: record.host_port,
        protocol: record.protocol.parse().ok(),
        container_port_range: record.container_port_range,
        host_port_range: record.host_port_range,
    }
}

/// Health in the API's words.
pub fn health(health: HealthStatus) -> ApiHealth {
    match health {
        HealthStatus::Healthy => ApiHealth::Healthy,
        HealthStatus::Unhealthy => ApiHealth::Unhealthy,
        HealthStatus::Unknown => ApiHealth::Unknown,
    }
}
