//! linuxParameters, ulimits and kernel parameters (K-08, TD-35).

use std::collections::BTreeSet;

use aws_model::ecs::types::{ContainerDefinition, IpcMode, LinuxParameters, TaskDefinition};

use super::refuse_in;
use crate::Result;

const MOST_MOUNT_OPTIONS: usize = 100;
/// What can be added to and dropped from the engine's set, as the API reference lists it.
const CAPABILITIES: [&str; 38] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

pub fn check(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    if let Some(linux) = &container.linux_parameters {
        capabilities(container, linux)?;
        memory(container, linux)?;
        devices(container, linux)?;
    }
    ulimits(container)?;
    kernel_parameters(container, definition)
}

fn capabilities(container: &ContainerDefinition, linux: &LinuxParameters) -> Result<()> {
    let Some(capabilities) = &linux.capabilities else {
        return Ok(());
    };
    let named = capabilities.add.iter().chain(&capabilities.drop).flatten();
    match named
        .into_iter()
        .find(|name| !CAPABILITIES.contains(&name.as_str()))
    {
        Some(name) => refuse_in(container, &format!("'{name}' is not a Linux capability.")),
        None => Ok(()),
    }
}

fn memory(container: &ContainerDefinition, linux: &LinuxParameters) -> Result<()> {
    if linux
        .swappiness
        .is_some_and(|swappiness| !(0..=100).contains(&swappiness))
    {
        return refuse_in(container, "'swappiness' must be between 0 and 100.");
    }
    if linux.swappiness.is_some() && linux.max_swap.is_none() {
        return refuse_in(container, "'swappiness' needs 'maxSwap'.");
    }
    if linux.max_swap.is_some_and(|mib| mib < 0) {
        return refuse_in(container, "'maxSwap' must not be negative.");
    }
    if linux.max_swap.is_some() && container.memory.is_none() {
        return refuse_in(container, "'maxSwap' needs 'memory'.");
    }
    match linux.shared_memory_size.is_some_and(|mib| mib < 1) {
        true => refuse_in(container, "'sharedMemorySize' must be at least 1 MiB."),
        false => Ok(()),
    }
}

fn devices(container: &ContainerDefinition, linux: &LinuxParameters) -> Result<()> {
    for device in linux.devices.iter().flatten() {
        let paths = [Some(&device.host_path), device.container_path.as_ref()];
        if paths.into_iter().flatten().any(|path| !path.starts_with('/')) {
            return refuse_in(container, "The paths of a device must be absolute.");
        }
    }
    for mount in linux.tmpfs.iter().flatten() {
        if !mount.container_path.starts_with('/') {
            return refuse_in(container, "The path of a tmpfs mount must be absolute.");
        }
        if mount
            .mount_options
            .as_ref()
            .is_some_and(|options| options.len() > MOST_MOUNT_OPTIONS)
        {
            return refuse_in(container, "A tmpfs mount can have at most 100 mount options.");
        }
        if mount.size < 1 {
            return refuse_in(container, "The size of a tmpfs mount must be at least 1 MiB.");
        }
    }
    Ok(())
}

fn ulimits(container: &ContainerDefinition) -> Result<()> {
    let mut seen = BTreeSet::new();
    for ulimit in container.ulimits.iter().flatten() {
        let name = ulimit.name.as_str();
        if !seen.insert(name) {
            return refuse_in(container, &format!("Duplicate ulimit '{name}'."));
        }
        // -1 is no limit at all.
        let above =
            ulimit.hard_limit != -1 && (ulimit.soft_limit == -1 || ulimit.soft_limit > ulimit.hard_limit);
        if above || ulimit.soft_limit < -1 || ulimit.hard_limit < -1 {
            return refuse_in(
                container,
                &format!("The soft limit of ulimit '{name}' must not be above its hard limit."),
            );
        }
    }
    Ok(())
}

/// TD-35: parameters of an IPC namespace that the container does not have for itself.
fn kernel_parameters(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    let shared = definition.ipc_mode.filter(|mode| *mode != IpcMode::None);
    for control in container.system_controls.iter().flatten() {
        let namespace = control.namespace.as_deref().unwrap_or_default();
        if namespace.is_empty() || control.value.as_deref().unwrap_or_default().is_empty() {
            return refuse_in(container, "A system control needs a namespace and a value.");
        }
        if let Some(mode) = shared.filter(|_| namespace.starts_with("kernel.")) {
            let text = format!(
                "System control '{namespace}' is not supported when ipcMode={}.",
                mode.as_str()
            );
            return refuse_in(container, &text);
        }
    }
    Ok(())
}
