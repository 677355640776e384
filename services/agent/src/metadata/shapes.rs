//! Bodies of the metadata endpoint, versions 4 and 3 (EP-02).

use std::collections::BTreeMap;

use agent_protocol::task::{Container, HealthCheckType, NetworkMode};
use agent_protocol::tcs::HealthStatus;
use chrono::{DateTime, SecondsFormat, Utc};
use runtime::ContainerDetails;
use serde::Serialize;

use crate::host::Host;
use crate::task::record::{ContainerRecord, Phase, Status, TaskRecord};

/// Version of the shapes; 3 lacks what came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V3,
    V4,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskBody {
    cluster: String,
    #[serde(rename = "TaskARN")]
    task_arn: String,
    family: String,
    revision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    desired_status: &'static str,
    known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<TaskLimits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_instance_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<TagsError>,
    containers: Vec<ContainerBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault_injection_enabled: Option<bool>,
}

/// Why tags are missing from `taskWithTags`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagsError {
    pub error_field: &'static str,
    pub error_code: String,
    pub error_message: String,
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
struct TaskLimits {
    #[serde(rename = "CPU", skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    #[serde(rename = "Memory", skip_serializing_if = "Option::is_none")]
    memory: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerBody {
    docker_id: String,
    name: String,
    docker_name: String,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PortBody>,
    labels: BTreeMap<String, String>,
    desired_status: &'static str,
    known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    limits: ContainerLimits,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<VolumeBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_options: Option<BTreeMap<String, String>>,
    #[serde(rename = "ContainerARN", skip_serializing_if = "Option::is_none")]
    container_arn: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks: Vec<NetworkBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_count: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PortBody {
    container_port: u16,
    protocol: String,
    host_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_ip: Option<String>,
}

#[derive(Debug, Serialize)]
struct ContainerLimits {
    #[serde(rename = "CPU")]
    cpu: i64,
    #[serde(rename = "Memory", skip_serializing_if = "Option::is_none")]
    memory: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthBody {
    status: HealthStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_name: Option<String>,
    source: String,
    destination: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkBody {
    network_mode: String,
    #[serde(rename = "IPv4Addresses", skip_serializing_if = "Vec::is_empty")]
    ipv4_addresses: Vec<String>,
    #[serde(rename = "IPv6Addresses", skip_serializing_if = "Vec::is_empty")]
    ipv6_addresses: Vec<String>,
}

/// The body of a task whose containers look like `details` (absent where there is none).
pub fn task(
    host: &Host,
    zone: Option<String>,
    task: &TaskRecord,
    details: &[Option<ContainerDetails>],
    version: Version,
) -> TaskBody {
    let payload = &task.payload;
    let limits = TaskLimits {
        cpu: payload.cpu.filter(|cpu| *cpu > 0.0),
        memory: payload.memory.filter(|mib| *mib > 0),
    };
    let containers = (0..task.containers.len())
        .map(|index| container(task, index, details.get(index).and_then(Option::as_ref), version));
    let v4 = version == Version::V4;
    TaskBody {
        cluster: payload
            .task_cluster_arn
            .clone()
            .unwrap_or_else(|| host.config.cluster.clone()),
        task_arn: payload.arn.clone(),
        family: payload.family.clone(),
        revision: payload.version.clone(),
        service_name: payload.service_name.clone().filter(|_| v4),
        desired_status: task.desired.as_str(),
        known_status: known_status(task),
        limits: (limits.cpu.is_some() || limits.memory.is_some()).then_some(limits),
        pull_started_at: task.pull_started_at.map(time),
        pull_stopped_at: task.pull_stopped_at.map(time),
        execution_stopped_at: task.execution_stopped_at.map(time),
        availability_zone: zone,
        task_tags: None,
        container_instance_tags: None,
        launch_type: payload
            .launch_type
            .as_ref()
            .map(ToString::to_string)
            .filter(|_| v4),
        errors: Vec::new(),
        containers: containers.collect(),
        fault_injection_enabled: v4.then_some(false),
    }
}

/// The task's status in the agent's internal words.
fn known_status(task: &TaskRecord) -> &'static str {
    match task.known() {
        Status::Stopped => Phase::Stopped.as_str(),
        Status::Running => Phase::Running.as_str(),
        Status::None | Status::Pending => task
            .containers
            .iter()
            .map(|c| c.phase)
            .min()
            .unwrap_or(Phase::None)
            .as_str(),
    }
}

/// The body of container number `index`.
pub fn container(
    task: &TaskRecord,
    index: usize,
    details: Option<&ContainerDetails>,
    version: Version,
) -> ContainerBody {
    let (record, definition) = (&task.containers[index], task.definition(index));
    let v4 = version == Version::V4;
    let log = details
        .and_then(|d| d.host_config.log_config.clone())
        .filter(|_| v4);
    ContainerBody {
        docker_id: record.runtime_id.clone().unwrap_or_default(),
        name: record.name.clone(),
        docker_name: record.docker_name.clone(),
        image: definition.image.clone(),
        image_id: record.image_id.clone().unwrap_or_default(),
        ports: ports(record, v4),
        labels: details.map(|d| d.labels.clone()).unwrap_or_default(),
        desired_status: task.desired.as_str(),
        known_status: record.phase.as_str(),
        exit_code: record.exit_code.filter(|_| record.phase == Phase::Stopped),
        limits: ContainerLimits {
            cpu: definition.cpu.unwrap_or(0).max(2),
            memory: definition.memory.filter(|m| *m > 0),
        },
        created_at: record.created_at.map(time),
        started_at: record.started_at.map(time),
        finished_at: record
            .finished_at
            .filter(|_| record.phase == Phase::Stopped)
            .map(time),
        r#type: "NORMAL",
        health: health(record, definition),
        volumes: details.map(volumes).unwrap_or_default(),
        log_driver: log.as_ref().and_then(|log| log.typ.clone()),
        log_options: log
            .and_then(|log| log.config)
            .map(|options| options.into_iter().collect()),
        container_arn: definition.container_arn.clone().filter(|_| v4),
        networks: details.map(|d| networks(task, d)).unwrap_or_default(),
        restart_count: definition
            .restart_policy
            .is_some()
            .then_some(record.restart_count),
    }
}

fn ports(record: &ContainerRecord, v4: bool) -> Vec<PortBody> {
    let one = |binding: &agent_protocol::state_change::NetworkBinding| {
        Some(PortBody {
            container_port: binding.container_port?,
            protocol: binding
                .protocol
                .as_ref()
                .map_or("tcp", |protocol| protocol.as_str())
                .to_owned(),
            host_port: binding.host_port.unwrap_or_default(),
            host_ip: binding.bind_ip.clone().filter(|_| v4),
        })
    };
    record.network_bindings.iter().filter_map(one).collect()
}

fn health(record: &ContainerRecord, definition: &Container) -> Option<HealthBody> {
    (definition.health_check_type == Some(HealthCheckType::Docker)).then(|| HealthBody {
        status: record.health.status.clone(),
        status_since: record.health.since.map(time),
        exit_code: record.health.exit_code,
        output: record.health.output.clone(),
    })
}

fn volumes(details: &ContainerDetails) -> Vec<VolumeBody> {
    let one = |mount: &runtime::container::Mount| VolumeBody {
        docker_name: mount.volume.clone(),
        source: mount.source.clone(),
        destination: mount.destination.clone(),
    };
    details.mounts.iter().map(one).collect()
}

fn networks(task: &TaskRecord, details: &ContainerDetails) -> Vec<NetworkBody> {
    let mode = task
        .payload
        .network_mode
        .clone()
        .unwrap_or(NetworkMode::Bridge)
        .to_string();
    let one = |endpoint: &runtime::container::NetworkEndpoint| NetworkBody {
        network_mode: mode.clone(),
        ipv4_addresses: endpoint.ipv4.iter().map(ToString::to_string).collect(),
        ipv6_addresses: endpoint.ipv6.iter().map(ToString::to_string).collect(),
    };
    details.networks.values().map(one).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Nanos, true)
}
