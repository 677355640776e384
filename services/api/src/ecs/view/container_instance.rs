//! A container instance as the API shows it (I-02, I-03, I-06, I-07, I-12).

use aws_model::ecs::types::{
    Attribute, ContainerInstance, ContainerInstanceHealthStatus, InstanceHealthCheckResult,
    InstanceHealthCheckState, Resource, Tag, VersionInfo,
};
use domain::Scope;
use store::instances::{HealthRecord, InstanceRow, TaskCounts};

/// The prefix that the API has before an engine's version.
pub const DOCKER_VERSION_PREFIX: &str = "DockerVersion: ";

/// The row with its counts. `tags` is empty when they were not asked for (TG-06), health shown only if asked for.
pub fn container_instance(
    scope: &Scope,
    cluster: &str,
    row: InstanceRow,
    counts: TaskCounts,
    tags: Vec<Tag>,
    with_health: bool,
) -> ContainerInstance {
    let count = |n: i64| Some(i32::try_from(n).unwrap_or(i32::MAX));
    ContainerInstance {
        container_instance_arn: Some(scope.container_instance_arn(cluster, row.instance_id())),
        registered_resources: Some(registered(&row)),
        remaining_resources: Some(remaining(&row)),
        version_info: Some(VersionInfo {
            agent_version: row.agent_version,
            agent_hash: row.agent_hash,
            docker_version: row
                .docker_version
                .map(|version| format!("{DOCKER_VERSION_PREFIX}{version}")),
        }),
        ec2_instance_id: row.ec2_instance_id,
        version: Some(row.revision),
        status: Some(row.status.as_str().to_owned()),
        status_reason: row.status_reason,
        agent_connected: Some(row.agent_connected),
        running_tasks_count: count(counts.running),
        pending_tasks_count: count(counts.pending),
        attributes: Some(
            row.attributes
                .0
                .into_iter()
                .map(|(name, value)| attribute(name, value))
                .collect(),
        ),
        registered_at: Some(row.registered_at.into()),
        attachments: Some(Vec::new()),
        tags: Some(tags),
        health_status: with_health.then(|| health(row.health.map(|json| json.0).unwrap_or_default())),
        ..ContainerInstance::default()
    }
}

fn attribute(name: String, value: Option<String>) -> Attribute {
    Attribute {
        name,
        value,
        ..Attribute::default()
    }
}

fn registered(row: &InstanceRow) -> Vec<Resource> {
    let gpus = row.gpus.clone();
    resources(
        (row.cpu, row.memory),
        (&row.reserved_ports, &row.reserved_ports_udp),
        (!row.gpus.is_empty()).then_some(gpus),
    )
}

/// For ports, what "remains" are those that are taken (I-02).
fn remaining(row: &InstanceRow) -> Vec<Resource> {
    let free = row
        .gpus
        .iter()
        .filter(|gpu| !row.used_gpus.contains(gpu))
        .cloned()
        .collect();
    let amounts = (row.cpu - row.used_cpu, row.memory - row.used_memory);
    resources(
        amounts,
        (&row.used_ports, &row.used_ports_udp),
        (!row.gpus.is_empty()).then_some(free),
    )
}

fn resources(
    (cpu, memory): (i64, i64),
    (tcp, udp): (&[i32], &[i32]),
    gpus: Option<Vec<String>>,
) -> Vec<Resource> {
    let ports = |ports: &[i32]| ports.iter().map(i32::to_string).collect();
    let mut all = vec![
        integer("CPU", cpu),
        integer("MEMORY", memory),
        string_set("PORTS", ports(tcp)),
        string_set("PORTS_UDP", ports(udp)),
    ];
    all.extend(gpus.map(|gpus| string_set("GPU", gpus)));
    all
}

fn integer(name: &str, value: i64) -> Resource {
    let value = i32::try_from(value).unwrap_or(i32::MAX);
    Resource {
        integer_value: Some(value),
        ..resource(name, "INTEGER")
    }
}

fn string_set(name: &str, values: Vec<String>) -> Resource {
    Resource {
        string_set_value: Some(values),
        ..resource(name, "STRINGSET")
    }
}

fn resource(name: &str, kind: &str) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        r#type: Some(kind.to_owned()),
        double_value: Some(0.0),
        long_value: Some(0),
        integer_value: Some(0),
        string_set_value: None,
    }
}

/// The worst of the details (I-12). Without any word from the agent there is not enough data.
fn health(records: Vec<HealthRecord>) -> ContainerInstanceHealthStatus {
    use InstanceHealthCheckState::{Impaired, Initializing, InsufficientData, Ok};
    let details: Vec<InstanceHealthCheckResult> = records.into_iter().map(detail).collect();
    let has = |state| details.iter().any(|detail| detail.status == Some(state));
    let overall = [Impaired, InsufficientData, Initializing, Ok]
        .into_iter()
        .find(|state| has(*state));
    ContainerInstanceHealthStatus {
        overall_status: Some(overall.unwrap_or(InsufficientData)),
        details: Some(details),
    }
}

fn detail(record: HealthRecord) -> InstanceHealthCheckResult {
    InstanceHealthCheckResult {
        r#type: record.r#type.parse().ok(),
        status: record.status.parse().ok(),
        status_reason: record.status_reason,
        last_updated: record.last_updated.map(Into::into),
        last_status_change: record.last_status_change.map(Into::into),
    }
}
