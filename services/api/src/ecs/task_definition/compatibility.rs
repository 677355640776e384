//! Launch types that a definition fits (TD-12).

mod fargate;

use aws_model::ecs::types::{Compatibility, NetworkMode, OSFamily, TaskDefinition};

use super::{amounts, containers, has_any};
use crate::{Error, Result};

/// CPU units of a task on an EC2 or external host (TD-22).
const CPU: std::ops::RangeInclusive<i64> = 128..=196_608;
/// MiB; the engine refuses less (TD-21).
const LEAST_MEMORY: i64 = 6;

/// The launch types that fit, in the order of the API's replies.
///
/// # Errors
/// ClientException with the reason if one of `requiresCompatibilities` does not fit, or none at all.
pub fn decide(definition: &TaskDefinition) -> Result<Vec<Compatibility>> {
    for wanted in definition.requires_compatibilities.iter().flatten() {
        if let Some(reason) = misfit(*wanted, definition) {
            return Err(Error::client(reason));
        }
    }
    let all = [
        Compatibility::External,
        Compatibility::Ec2,
        Compatibility::Fargate,
        Compatibility::ManagedInstances,
    ];
    let fitting: Vec<Compatibility> = all
        .into_iter()
        .filter(|kind| misfit(*kind, definition).is_none())
        .collect();
    if fitting.is_empty() {
        return Err(Error::client(ec2(definition).unwrap_or_default()));
    }
    Ok(fitting)
}

/// Why a definition does not fit a launch type.
fn misfit(kind: Compatibility, definition: &TaskDefinition) -> Option<String> {
    match kind {
        Compatibility::Ec2 => ec2(definition),
        Compatibility::External => external(definition),
        Compatibility::Fargate => fargate::misfit(definition),
        Compatibility::ManagedInstances => managed_instances(definition),
    }
}

fn ec2(definition: &TaskDefinition) -> Option<String> {
    if let Some(reason) = amounts_on_hosts(definition) {
        return Some(reason);
    }
    definition.ephemeral_storage.as_ref()?;
    Some("Tasks using the EC2 launch type do not support EphemeralStorage.".to_owned())
}

fn amounts_on_hosts(definition: &TaskDefinition) -> Option<String> {
    let outside = |text: &Option<String>, least: i64, most: i64| {
        text.as_ref()
            .is_some_and(|text| !text.parse().is_ok_and(|n: i64| (least..=most).contains(&n)))
    };
    if outside(&definition.cpu, *CPU.start(), *CPU.end()) {
        return Some(amounts::invalid_text("cpu"));
    }
    outside(&definition.memory, LEAST_MEMORY, i64::MAX).then(|| amounts::invalid_text("memory"))
}

fn external(definition: &TaskDefinition) -> Option<String> {
    let volumes = || definition.volumes.iter().flatten();
    let unsupported = [
        (
            definition.network_mode == Some(NetworkMode::Awsvpc),
            "networkMode 'awsvpc'",
        ),
        (definition.ephemeral_storage.is_some(), "EphemeralStorage"),
        (
            has_any(definition.inference_accelerators.as_ref()),
            "inferenceAccelerators",
        ),
        (
            volumes().any(|v| v.efs_volume_configuration.is_some()),
            "efsVolumeConfiguration",
        ),
        (
            volumes().any(|v| v.fsx_windows_file_server_volume_configuration.is_some()),
            "fsxWindowsFileServerVolumeConfiguration",
        ),
        (
            volumes().any(|v| v.configured_at_launch == Some(true)),
            "volumes that are configured at launch",
        ),
    ];
    let found = unsupported.into_iter().find(|(given, _)| *given);
    found
        .map(|(_, what)| format!("Tasks using the EXTERNAL launch type do not support {what}."))
        .or_else(|| amounts_on_hosts(definition))
}

fn managed_instances(definition: &TaskDefinition) -> Option<String> {
    let unfit = |what: &str| Some(format!("Tasks using the MANAGED_INSTANCES launch type {what}."));
    if !matches!(
        definition.network_mode,
        Some(NetworkMode::Awsvpc | NetworkMode::Host)
    ) {
        return unfit("only support networkMode 'awsvpc' and 'host'");
    }
    if definition.cpu.is_none() || definition.memory.is_none() {
        return unfit("require 'cpu' and 'memory' at the task level");
    }
    if is_windows(definition) {
        return unfit("only support the operating system family LINUX");
    }
    let volumes = || definition.volumes.iter().flatten();
    let unsupported = [
        (definition.ephemeral_storage.is_some(), "EphemeralStorage"),
        (
            has_any(definition.inference_accelerators.as_ref()),
            "inferenceAccelerators",
        ),
        (definition.proxy_configuration.is_some(), "proxyConfiguration"),
        (
            volumes().any(|v| v.fsx_windows_file_server_volume_configuration.is_some()),
            "fsxWindowsFileServerVolumeConfiguration",
        ),
        (
            containers(definition)
                .iter()
                .any(|c| has_any(c.credential_specs.as_ref())),
            "credentialSpecs",
        ),
    ];
    match unsupported.into_iter().find(|(given, _)| *given) {
        Some((_, what)) => unfit(&format!("do not support {what}")),
        None => amounts_on_hosts(definition),
    }
}

/// True for one of the Windows families of `runtimePlatform`.
pub fn is_windows(definition: &TaskDefinition) -> bool {
    let family = definition
        .runtime_platform
        .as_ref()
        .and_then(|platform| platform.operating_system_family);
    family.is_some_and(|family| family != OSFamily::Linux)
}
