//! What Fargate demands of a definition (TD-23 to TD-25).

use aws_model::ecs::types::{
    ContainerDefinition, LinuxParameters, LogDriver, NetworkMode, OSFamily, PidMode, ResourceType,
    TaskDefinition, Volume,
};

use super::is_windows;
use crate::ecs::task_definition::{amounts, attributes, containers, has_any, name_of};

/// First and last MiB and the step between them, for CPU units.
const SIZES: [(i64, i64, i64, i64); 7] = [
    (256, 512, 1024, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];
/// Sizes that are not in steps.
const OTHER_SIZES: [(i64, i64); 4] = [
    (256, 2048),
    (32_768, 61_440),
    (32_768, 122_880),
    (32_768, 249_856),
];
/// Windows takes at least one CPU there.
const LEAST_WINDOWS_CPU: i64 = 1024;
/// Seconds (section 27).
const MOST_TIMEOUT: i32 = 120;
const LEAST_TIMEOUT: i32 = 2;

/// Why a definition does not fit Fargate.
pub fn misfit(definition: &TaskDefinition) -> Option<String> {
    network(definition)
        .or_else(|| size(definition))
        .or_else(|| task(definition))
        .or_else(|| definition.volumes.iter().flatten().find_map(volume))
        .or_else(|| containers(definition).iter().find_map(container))
        .or_else(|| containers(definition).iter().find_map(|c| logging(c, definition)))
        .or_else(|| containers(definition).iter().find_map(|c| roles(c, definition)))
}

fn unsupported(field: &str) -> String {
    format!("Fargate compatible task definitions do not support {field}.")
}

fn first_unsupported(fields: &[(bool, &str)]) -> Option<String> {
    fields
        .iter()
        .find(|(given, _)| *given)
        .map(|(_, field)| unsupported(field))
}

fn network(definition: &TaskDefinition) -> Option<String> {
    let fits = definition.network_mode == Some(NetworkMode::Awsvpc);
    (!fits).then(|| "Fargate only supports network mode ‘awsvpc’.".to_owned())
}

fn size(definition: &TaskDefinition) -> Option<String> {
    let amount = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
    let sizes_of =
        |cpu: i64| SIZES.iter().any(|size| size.0 == cpu) || OTHER_SIZES.iter().any(|size| size.0 == cpu);
    let Some(cpu) = amount(&definition.cpu).filter(|cpu| sizes_of(*cpu)) else {
        return Some(amounts::invalid_text("cpu"));
    };
    let Some(memory) = amount(&definition.memory) else {
        return Some(amounts::invalid_text("memory"));
    };
    let stepped = |&(of, first, last, step): &(i64, i64, i64, i64)| {
        of == cpu && (first..=last).contains(&memory) && (memory - first) % step == 0
    };
    let exists = SIZES.iter().any(stepped) || OTHER_SIZES.contains(&(cpu, memory));
    let fits = exists && (!is_windows(definition) || cpu >= LEAST_WINDOWS_CPU);
    (!fits).then(|| format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory"))
}

fn task(definition: &TaskDefinition) -> Option<String> {
    if definition.pid_mode == Some(PidMode::Host) {
        let text = "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.";
        return Some(text.to_owned());
    }
    let family = definition
        .runtime_platform
        .as_ref()
        .and_then(|platform| platform.operating_system_family);
    let retired = [
        OSFamily::WindowsServer2016Full,
        OSFamily::WindowsServer2004Core,
        OSFamily::WindowsServer20H2Core,
    ];
    if let Some(family) = family.filter(|family| retired.contains(family)) {
        return Some(unsupported(&format!("operatingSystemFamily {}", family.as_str())));
    }
    first_unsupported(&[
        (definition.ipc_mode.is_some(), "ipcMode"),
        (has_any(definition.placement_constraints.as_ref()), "constraints"),
        (
            has_any(definition.inference_accelerators.as_ref()),
            "inferenceAccelerators",
        ),
    ])
}

fn volume(volume: &Volume) -> Option<String> {
    let source_path = volume.host.as_ref().and_then(|host| host.source_path.as_ref());
    first_unsupported(&[
        (source_path.is_some_and(|path| !path.is_empty()), "sourcePath"),
        (
            volume.docker_volume_configuration.is_some(),
            "dockerVolumeConfiguration",
        ),
        (
            volume.fsx_windows_file_server_volume_configuration.is_some(),
            "fsxWindowsFileServerVolumeConfiguration",
        ),
    ])
}

fn container(container: &ContainerDefinition) -> Option<String> {
    if container.privileged == Some(true) {
        return Some("Fargate requires that the 'privileged' setting be 'false'.".to_owned());
    }
    let requirements = container.resource_requirements.iter().flatten();
    if requirements
        .clone()
        .any(|requirement| requirement.r#type == ResourceType::Gpu)
    {
        return Some(
            "Tasks using the Fargate launch type do not support GPU resource requirements.".to_owned(),
        );
    }
    let config_file = container
        .firelens_configuration
        .as_ref()
        .and_then(|firelens| firelens.options.as_ref());
    first_unsupported(&[
        (container.disable_networking == Some(true), "disableNetworking"),
        (has_any(container.dns_search_domains.as_ref()), "dnsSearchDomains"),
        (has_any(container.dns_servers.as_ref()), "dnsServers"),
        (
            has_any(container.docker_security_options.as_ref()),
            "dockerSecurityOptions",
        ),
        (has_any(container.extra_hosts.as_ref()), "extraHosts"),
        (has_any(container.links.as_ref()), "links"),
        (
            config_file.is_some_and(|o| o.get("config-file-type").is_some_and(|t| t == "s3")),
            "config-file-type 's3'",
        ),
    ])
    .or_else(|| container.linux_parameters.as_ref().and_then(linux))
    .or_else(|| timeouts(container))
}

fn linux(linux: &LinuxParameters) -> Option<String> {
    let added = linux
        .capabilities
        .as_ref()
        .and_then(|capabilities| capabilities.add.as_ref());
    if let Some(capability) = added
        .into_iter()
        .flatten()
        .find(|capability| *capability != "SYS_PTRACE")
    {
        return Some(format!("{capability} is not allowed on Fargate."));
    }
    first_unsupported(&[
        (has_any(linux.devices.as_ref()), "devices"),
        (linux.shared_memory_size.is_some(), "sharedMemorySize"),
        (has_any(linux.tmpfs.as_ref()), "tmpfs"),
        (linux.max_swap.is_some(), "maxSwap"),
        (linux.swappiness.is_some(), "swappiness"),
    ])
}

fn timeouts(container: &ContainerDefinition) -> Option<String> {
    let name = name_of(container);
    let start = container
        .start_timeout
        .filter(|seconds| !(LEAST_TIMEOUT..=MOST_TIMEOUT).contains(seconds));
    if start.is_some() {
        return Some(format!(
            "Fargate requires the 'startTimeout' setting of container '{name}' to be between 2 and 120."
        ));
    }
    let stop = container.stop_timeout.filter(|seconds| *seconds > MOST_TIMEOUT);
    stop.map(|_| {
        format!("Fargate requires the 'stopTimeout' setting of container '{name}' to be at most 120.")
    })
}

fn logging(container: &ContainerDefinition, definition: &TaskDefinition) -> Option<String> {
    let configuration = container.log_configuration.as_ref()?;
    match configuration.log_driver {
        LogDriver::Splunk | LogDriver::Awsfirelens => None,
        LogDriver::Awslogs => {
            let given = |option: &str| {
                configuration
                    .options
                    .as_ref()
                    .is_some_and(|o| o.contains_key(option))
            };
            let missing = ["awslogs-region", "awslogs-stream-prefix"]
                .into_iter()
                .find(|option| !given(option));
            if let Some(option) = missing {
                return Some(format!(
                    "Fargate requires log configuration options to include {option}."
                ));
            }
            role(definition, "log driver awslogs")
        }
        other => {
            let driver = other.as_str();
            Some(format!(
                "{driver} is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]"
            ))
        }
    }
}

fn roles(container: &ContainerDefinition, definition: &TaskDefinition) -> Option<String> {
    let from_ecr = container.image.as_deref().is_some_and(attributes::is_ecr_image);
    let secret_options = container
        .log_configuration
        .as_ref()
        .and_then(|logs| logs.secret_options.as_ref());
    let needs = [
        (from_ecr, "ECR images"),
        (
            has_any(container.secrets.as_ref()) || has_any(secret_options),
            "secrets",
        ),
        (
            container.repository_credentials.is_some(),
            "repository credentials",
        ),
    ];
    needs
        .into_iter()
        .find(|(needed, _)| *needed)
        .and_then(|(_, what)| role(definition, what))
}

fn role(definition: &TaskDefinition, what: &str) -> Option<String> {
    let missing = definition.execution_role_arn.is_none();
    missing.then(|| format!("Fargate requires task definition to have execution role ARN to support {what}."))
}
