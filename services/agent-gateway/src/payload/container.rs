//! One container of a payload (5.2).

use std::collections::BTreeMap;

use agent_protocol::task::{
    Container, ContainerDependency, DependencyCondition, EnvironmentFile, FirelensConfiguration,
    HealthCheckType, MountPoint, PortMapping, RestartPolicy, TransportProtocol, VolumeFrom,
};
use aws_model::ecs::types::{
    ContainerDefinition, ContainerOverride, ContainerRestartPolicy, KeyValuePair, NetworkMode,
    PortMapping as PortDefinition, TaskDefinition,
};
use domain::TaskId;
use store::instances::Assignment;

use super::{Host, docker, image, logs, secrets};
use crate::LogDriverMode;

/// Seconds that a container must have run before it is restarted, unless its policy says otherwise (TD-36).
const RESTART_ATTEMPT_PERIOD: i64 = 300;

/// All containers, in the order of the definition.
pub(super) fn all(
    host: &Host,
    document: &TaskDefinition,
    assignment: &Assignment,
    log_mode: LogDriverMode,
) -> Vec<Container> {
    let overrides = assignment
        .spec
        .overrides
        .container_overrides
        .as_deref()
        .unwrap_or_default();
    let nothing = ContainerOverride::default();
    let definitions = document.container_definitions.iter().flatten();
    definitions
        .map(|definition| {
            let over = overrides
                .iter()
                .find(|over| over.name == definition.name)
                .unwrap_or(&nothing);
            let record = assignment
                .containers
                .iter()
                .find(|record| Some(&record.name) == definition.name.as_ref());
            let arn = record.map(|record| {
                host.scope
                    .container_arn(&host.cluster, TaskId(assignment.id), record.id)
            });
            let mode = document.network_mode.unwrap_or_default();
            let log = logs::config(definition, TaskId(assignment.id), log_mode);
            Container {
                container_arn: arn,
                image: image::pinned(definition, &assignment.image_digests),
                docker_config: Some(docker::config(definition, over, mode, log)),
                ..container(host, mode, definition, over)
            }
        })
        .collect()
}

fn container(
    host: &Host,
    mode: NetworkMode,
    definition: &ContainerDefinition,
    over: &ContainerOverride,
) -> Container {
    let image = definition.image.as_deref().unwrap_or_default();
    let dependencies = definition.depends_on.iter().flatten();
    let firelens = definition.firelens_configuration.as_ref();
    Container {
        name: definition.name.clone().unwrap_or_default(),
        essential: definition.essential.unwrap_or(true),
        cpu: over.cpu.or(definition.cpu).map(i64::from),
        memory: over.memory.or(definition.memory).map(i64::from),
        entry_point: filled(definition.entry_point.as_ref()),
        command: filled(over.command.as_ref()).or_else(|| filled(definition.command.as_ref())),
        environment: environment(definition, over),
        environment_files: environment_files(definition, over),
        port_mappings: ports(definition, mode),
        links: definition.links.clone().unwrap_or_default(),
        mount_points: mount_points(definition),
        volumes_from: volumes_from(definition),
        depends_on: dependencies
            .map(|dependency| ContainerDependency {
                container_name: dependency.container_name.clone(),
                condition: DependencyCondition::from(dependency.condition.as_str()),
            })
            .collect(),
        start_timeout: definition.start_timeout.map(i64::from),
        stop_timeout: definition.stop_timeout.map(i64::from),
        health_check_type: docker::is_health_checked(definition).then_some(HealthCheckType::Docker),
        registry_authentication: secrets::registry(host, image, definition.repository_credentials.as_ref()),
        secrets: secrets::all(host, definition),
        firelens_configuration: firelens.map(|firelens| FirelensConfiguration {
            r#type: firelens.r#type.as_str().to_owned(),
            options: firelens.options.clone().unwrap_or_default(),
        }),
        restart_policy: definition.restart_policy.as_ref().map(restart_policy),
        credential_specs: definition.credential_specs.clone().unwrap_or_default(),
        ..Container::default()
    }
}

/// An empty list keeps the image's, as an absent one does (K-08).
fn filled(list: Option<&Vec<String>>) -> Option<Vec<String>> {
    list.filter(|list| !list.is_empty()).cloned()
}

/// The definition's variables, then the override's, which win. `AWS_EXECUTION_ENV` is the control plane's part (EP-03).
fn environment(definition: &ContainerDefinition, over: &ContainerOverride) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([("AWS_EXECUTION_ENV".to_owned(), "AWS_ECS_EC2".to_owned())]);
    let pairs = definition
        .environment
        .iter()
        .flatten()
        .chain(over.environment.iter().flatten());
    all.extend(
        pairs.filter_map(|KeyValuePair { name, value }| {
            Some((name.clone()?, value.clone().unwrap_or_default()))
        }),
    );
    all
}

/// The override's files take the place of the definition's.
fn environment_files(definition: &ContainerDefinition, over: &ContainerOverride) -> Vec<EnvironmentFile> {
    let files = over
        .environment_files
        .as_ref()
        .or(definition.environment_files.as_ref());
    let file = |file: &aws_model::ecs::types::EnvironmentFile| EnvironmentFile {
        value: file.value.clone(),
        r#type: file.r#type.as_str().to_owned(),
    };
    files.into_iter().flatten().map(file).collect()
}

/// In host mode the agent would pick a dynamic port unless both are given (5.2).
fn ports(definition: &ContainerDefinition, mode: NetworkMode) -> Vec<PortMapping> {
    if mode == NetworkMode::None {
        return Vec::new();
    }
    let number = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let mapping = |port: &PortDefinition| {
        let container_port = number(port.container_port);
        let host_port = number(port.host_port).filter(|port| *port > 0);
        PortMapping {
            container_port,
            host_port: if mode == NetworkMode::Host {
                host_port.or(container_port)
            } else {
                host_port
            },
            protocol: Some(TransportProtocol::from(
                port.protocol.unwrap_or_default().as_str(),
            )),
            container_port_range: port.container_port_range.clone(),
        }
    };
    definition.port_mappings.iter().flatten().map(mapping).collect()
}

fn mount_points(definition: &ContainerDefinition) -> Vec<MountPoint> {
    let mounts = definition.mount_points.iter().flatten();
    mounts
        .map(|mount| MountPoint {
            source_volume: mount.source_volume.clone().unwrap_or_default(),
            container_path: mount.container_path.clone().unwrap_or_default(),
            read_only: mount.read_only.unwrap_or(false),
        })
        .collect()
}

fn volumes_from(definition: &ContainerDefinition) -> Vec<VolumeFrom> {
    let sources = definition.volumes_from.iter().flatten();
    sources
        .map(|from| VolumeFrom {
            source_container: from.source_container.clone().unwrap_or_default(),
            read_only: from.read_only.unwrap_or(false),
        })
        .collect()
}

fn restart_policy(policy: &ContainerRestartPolicy) -> RestartPolicy {
    RestartPolicy {
        enabled: policy.enabled,
        ignored_exit_codes: policy
            .ignored_exit_codes
            .iter()
            .flatten()
            .copied()
            .map(i64::from)
            .collect(),
        restart_attempt_period: Some(
            policy
                .restart_attempt_period
                .map_or(RESTART_ATTEMPT_PERIOD, i64::from),
        ),
    }
}
