//! From a container of the payload to what the engine is asked to create (sections 5.2 to 5.4, 6.1, 6.2).

use std::collections::{BTreeMap, HashMap};

use agent_protocol::task::{Container, NetworkMode, PortMapping};
use runtime::ContainerSpec;
use runtime::model::{HealthConfig, PortBinding, PortMap};
use serde::Deserialize;
use serde_json::{Map, json};

use super::failure::{Failure, FailureKind};
use super::naming::label;
use super::ports;
use super::record::TaskRecord;
use super::volumes;

/// Docker refuses less.
const LEAST_MEMORY_BYTES: i64 = 6 * 1024 * 1024;
const LEAST_CPU_SHARES: i64 = 2;
const MOST_CPU_SHARES: i64 = 262_144;

/// What a container is made from besides its definition.
pub struct Surroundings<'a> {
    pub cluster: &'a str,
    pub container_instance_arn: &'a str,
    pub region: &'a str,
    /// Base of the metadata URLs, such as `http://169.254.170.2`; `None` sets no such variable.
    pub metadata_endpoint: Option<&'a str>,
    /// Variables from the container's environment files.
    pub file_environment: &'a BTreeMap<String, String>,
    /// Default environment of the image, `NAME=value`.
    pub image_environment: &'a [String],
    pub cgroup_parent: Option<&'a str>,
    /// First host port for each mapping that has a `containerPortRange`, by the mapping's place.
    pub port_blocks: &'a BTreeMap<usize, u16>,
}

/// Builds the request for container number `index` of `task`.
///
/// # Errors
/// When the payload's blobs do not fit or name something that is not in the task.
pub fn build(task: &TaskRecord, index: usize, around: &Surroundings<'_>) -> Result<ContainerSpec, Failure> {
    let definition = task.definition(index);
    let record = &task.containers[index];
    let mut spec = ContainerSpec::new(&record.docker_name, &definition.image);
    spec.body.entrypoint.clone_from(&definition.entry_point);
    spec.body.cmd = command(definition)?;
    // Only a check in the definition counts, never the image's (T-50).
    spec.body.healthcheck = Some(HealthConfig {
        test: Some(vec!["NONE".to_owned()]),
        ..HealthConfig::default()
    });
    let (exposed, bindings) = port_maps(task, definition, around.port_blocks);
    spec.body.exposed_ports = Some(exposed).filter(|ports| !ports.is_empty());
    let binds = binds(task, definition)?;
    let host = spec.host_config_mut();
    host.port_bindings = Some(bindings).filter(|ports| !ports.is_empty());
    host.binds = Some(binds).filter(|binds| !binds.is_empty());
    host.links = names(
        task,
        definition
            .links
            .iter()
            .map(|link| link.split_once(':').unwrap_or((link, link))),
    )?;
    let from = |read_only| if read_only { "ro" } else { "rw" };
    let volumes_from = definition
        .volumes_from
        .iter()
        .map(|v| (v.source_container.as_str(), from(v.read_only)));
    host.volumes_from = names(task, volumes_from)?;
    let shares = definition
        .cpu
        .unwrap_or(0)
        .clamp(LEAST_CPU_SHARES, MOST_CPU_SHARES);
    host.cpu_shares = Some(shares);
    let memory = definition
        .memory
        .filter(|mib| *mib > 0)
        .map(|mib| mib * 1024 * 1024);
    host.memory = memory.map(|bytes| bytes.max(LEAST_MEMORY_BYTES));
    host.network_mode = task
        .payload
        .network_mode
        .as_ref()
        .map(|mode| mode.as_str().to_owned());
    overlay(&mut spec, task, definition)?;
    let host = spec.host_config_mut();
    host.cgroup_parent = around.cgroup_parent.map(ToOwned::to_owned);
    if let Some(mode) = &task.payload.pid_mode {
        host.pid_mode = Some(mode.clone());
    }
    if let Some(mode) = &task.payload.ipc_mode {
        host.ipc_mode = Some(mode.clone());
    }
    spec.body.env = Some(environment(
        task,
        index,
        around,
        spec.body.env.take().unwrap_or_default(),
    ));
    add_labels(&mut spec, task, &record.name, around);
    Ok(spec)
}

/// The override's command if there is one, else the definition's.
fn command(definition: &Container) -> Result<Option<Vec<String>>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Overrides {
        command: Option<Vec<String>>,
    }
    let Some(text) = definition.overrides.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(definition.command.clone());
    };
    let wrong = |e| {
        Failure::new(
            FailureKind::CannotCreateContainer,
            format!("overrides are malformed: {e}"),
        )
    };
    let overrides: Overrides = serde_json::from_str(text).map_err(wrong)?;
    Ok(overrides.command.or_else(|| definition.command.clone()))
}

fn overlay(spec: &mut ContainerSpec, task: &TaskRecord, definition: &Container) -> Result<(), Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::new(FailureKind::HostConfig, e);
    let (config, mut host_config) = match &definition.docker_config {
        Some(blobs) => (
            blobs
                .config_object()
                .map_err(|e| wrong(&format!("config: {e}")))?,
            blobs
                .host_config_object()
                .map_err(|e| wrong(&format!("hostConfig: {e}")))?,
        ),
        None => (Map::new(), Map::new()),
    };
    if definition.health_check_type.is_some() && !config.contains_key("Healthcheck") {
        let text = "a docker health check is asked for, but dockerConfig.config has no Healthcheck";
        return Err(Failure::new(FailureKind::CannotCreateContainer, text));
    }
    let gpus = gpu_ids(task, &definition.name);
    if !gpus.is_empty() {
        let request = json!([{ "DeviceIDs": gpus, "Capabilities": [["gpu"]] }]);
        host_config.insert("DeviceRequests".to_owned(), request);
    }
    spec.overlay(config, host_config).map_err(|e| wrong(&e))
}

fn gpu_ids<'a>(task: &'a TaskRecord, container: &str) -> Vec<&'a str> {
    let gpus = task
        .payload
        .associations
        .iter()
        .filter(|association| association.r#type == "gpu");
    gpus.filter(|gpu| gpu.containers.iter().any(|name| name == container))
        .map(|gpu| gpu.name.as_str())
        .collect()
}

/// `docker name:second` for each pair of container name and second part.
fn names<'a>(
    task: &TaskRecord,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Option<Vec<String>>, Failure> {
    let name = |(container, second): (&str, &str)| match task.index_of(container) {
        Some(index) => Ok(format!("{}:{second}", task.containers[index].docker_name)),
        None => {
            let text = format!("container {container} is named, but it is not in the task");
            Err(Failure::new(FailureKind::CannotCreateContainer, text))
        }
    };
    let names = pairs.map(name).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(names).filter(|names| !names.is_empty()))
}

fn port_maps(
    task: &TaskRecord,
    definition: &Container,
    blocks: &BTreeMap<usize, u16>,
) -> (Vec<String>, PortMap) {
    let (mut exposed, mut bindings) = (Vec::new(), HashMap::new());
    let published = !matches!(
        task.payload.network_mode,
        Some(NetworkMode::Host | NetworkMode::None | NetworkMode::Awsvpc)
    );
    for (place, mapping) in definition.port_mappings.iter().enumerate() {
        for (container_port, host_port) in ports_of(mapping, blocks.get(&place).copied()) {
            let port = format!("{container_port}/{}", ports::protocol(mapping));
            exposed.push(port.clone());
            if published {
                let host_port = host_port.map_or_else(String::new, |port| port.to_string());
                let binding = PortBinding {
                    host_ip: Some("0.0.0.0".to_owned()),
                    host_port: Some(host_port),
                };
                let all: &mut Option<Vec<PortBinding>> = bindings.entry(port).or_default();
                all.get_or_insert_default().push(binding);
            }
        }
    }
    (exposed, bindings)
}

/// Pairs of container port and host port; without a host port the engine picks one.
fn ports_of(mapping: &PortMapping, block: Option<u16>) -> Vec<(u16, Option<u16>)> {
    if let Some(range) = mapping
        .container_port_range
        .as_deref()
        .and_then(ports::parse_range)
    {
        let first = *range.start();
        return range
            .map(|port| (port, block.map(|start| start + (port - first))))
            .collect();
    }
    let host_port = mapping.host_port.filter(|port| *port != 0);
    mapping
        .container_port
        .map(|port| (port, host_port))
        .into_iter()
        .collect()
}

fn binds(task: &TaskRecord, definition: &Container) -> Result<Vec<String>, Failure> {
    let bind = |mount: &agent_protocol::task::MountPoint| {
        let volume = task
            .payload
            .volumes
            .iter()
            .find(|volume| volume.name == mount.source_volume);
        let Some(volume) = volume else {
            let text = format!("mount point {} names no volume of the task", mount.source_volume);
            return Err(Failure::new(FailureKind::CannotCreateContainer, text));
        };
        let access = if mount.read_only { ":ro" } else { "" };
        Ok(format!(
            "{}:{}{access}",
            volumes::source(task, volume)?.as_str(),
            mount.container_path
        ))
    };
    definition.mount_points.iter().map(bind).collect()
}

/// Environment in order of precedence (SE-05): the definition's and the overlay's, environment files, then what the
/// agent adds.
fn environment(
    task: &TaskRecord,
    index: usize,
    around: &Surroundings<'_>,
    overlaid: Vec<String>,
) -> Vec<String> {
    let mut variables: BTreeMap<String, String> = around.file_environment.clone();
    variables.extend(task.definition(index).environment.clone());
    let split = |line: &String| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    };
    variables.extend(overlaid.iter().map(split));
    let given = |name: &str| variables.contains_key(name);
    let in_image = |name: &str| around.image_environment.iter().any(|line| split(line).0 == name);
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    if !region.iter().any(|name| given(name) || in_image(name)) {
        variables.extend(region.map(|name| (name.to_owned(), around.region.to_owned())));
    }
    if let Some(endpoint) = around.metadata_endpoint {
        let id = &task.containers[index].endpoint_id;
        variables.insert(
            "ECS_CONTAINER_METADATA_URI".to_owned(),
            format!("{endpoint}/v3/{id}"),
        );
        variables.insert(
            "ECS_CONTAINER_METADATA_URI_V4".to_owned(),
            format!("{endpoint}/v4/{id}"),
        );
        variables.insert("ECS_AGENT_URI".to_owned(), format!("{endpoint}/api/{id}"));
        if let Some(id) = &task.role_credentials_id {
            variables.insert(
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI".to_owned(),
                format!("/v2/credentials/{id}"),
            );
        }
    }
    variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Ours win over the user's (K-12).
fn add_labels(spec: &mut ContainerSpec, task: &TaskRecord, container: &str, around: &Surroundings<'_>) {
    let payload = &task.payload;
    for (name, value) in [
        (label::CLUSTER, around.cluster),
        (label::TASK_ARN, &payload.arn),
        (label::CONTAINER_NAME, container),
        (label::FAMILY, &payload.family),
        (label::VERSION, &payload.version),
        (label::CONTAINER_INSTANCE, around.container_instance_arn),
    ] {
        spec.label(name, value);
    }
}

#[cfg(test)]
mod tests;
