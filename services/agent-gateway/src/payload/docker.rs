//! The parts of a container that travel as fragments of Docker's API (5.4).

use agent_protocol::task::DockerConfig;
use aws_model::ecs::types::{
    ContainerDefinition, ContainerOverride, Device, DeviceCgroupPermission, HealthCheck, LinuxParameters,
    NetworkMode, Tmpfs,
};
use serde_json::{Map, Value, json};

const MIB: i64 = 1024 * 1024;
const NANOSECONDS: i64 = 1_000_000_000;
/// Defaults of a health check (TD-29).
const INTERVAL: i32 = 30;
const TIMEOUT: i32 = 5;
const RETRIES: i32 = 3;

/// Whether Docker's health is to be reported: `NONE` only switches the image's check off.
pub(super) fn is_health_checked(definition: &ContainerDefinition) -> bool {
    let check = definition.health_check.as_ref();
    check
        .and_then(|check| check.command.first())
        .is_some_and(|first| first != "NONE")
}

/// `dockerConfig`: both fragments as JSON text, and the least version of Docker's API that understands them.
pub(super) fn config(
    definition: &ContainerDefinition,
    over: &ContainerOverride,
    mode: NetworkMode,
    log: Option<Value>,
) -> DockerConfig {
    let host_config = host_config(definition, over, mode, log);
    let version = match (
        host_config.contains_key("Init"),
        definition.health_check.is_some(),
    ) {
        (true, _) => "1.25",
        (_, true) => "1.24",
        _ if host_config.contains_key("Tmpfs") || host_config.contains_key("Sysctls") => "1.24",
        _ => "1.18",
    };
    DockerConfig {
        config: Some(Value::Object(container_config(definition)).to_string()),
        host_config: Some(Value::Object(host_config).to_string()),
        version: Some(version.to_owned()),
    }
}

/// Members that Docker's fragments have only if the definition has them.
struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Lists and maps that say nothing are left out.
    fn put_filled(&mut self, name: &str, value: Value) {
        let empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if !empty {
            self.0.insert(name.to_owned(), value);
        }
    }
}

/// Docker's `Config`.
fn container_config(definition: &ContainerDefinition) -> Map<String, Value> {
    let mut config = Members(Map::new());
    config.put("User", definition.user.clone());
    config.put("WorkingDir", definition.working_directory.clone());
    config.put("Hostname", definition.hostname.clone());
    config.put("Tty", definition.pseudo_terminal);
    config.put("OpenStdin", definition.interactive);
    config.put("NetworkDisabled", definition.disable_networking);
    config.put_filled(
        "Labels",
        json!(definition.docker_labels.clone().unwrap_or_default()),
    );
    config.put("Healthcheck", definition.health_check.as_ref().map(health_check));
    config.0
}

fn health_check(check: &HealthCheck) -> Value {
    // A single text is a command for the shell (TD-29).
    let test = match check.command.as_slice() {
        [one] if !["CMD", "CMD-SHELL", "NONE"].contains(&one.as_str()) => {
            vec!["CMD-SHELL".to_owned(), one.clone()]
        }
        words => words.to_vec(),
    };
    let nanoseconds = |seconds: i32| i64::from(seconds) * NANOSECONDS;
    json!({
        "Test": test,
        "Interval": nanoseconds(check.interval.unwrap_or(INTERVAL)),
        "Timeout": nanoseconds(check.timeout.unwrap_or(TIMEOUT)),
        "Retries": check.retries.unwrap_or(RETRIES),
        "StartPeriod": nanoseconds(check.start_period.unwrap_or(0)),
    })
}

/// Docker's `HostConfig`. Every container names the network mode, for the agent takes it from here.
fn host_config(
    definition: &ContainerDefinition,
    over: &ContainerOverride,
    mode: NetworkMode,
    log: Option<Value>,
) -> Map<String, Value> {
    let mut host = Members(Map::new());
    host.put("NetworkMode", Some(mode.as_str()));
    host.put("Privileged", definition.privileged);
    host.put("ReadonlyRootfs", definition.readonly_root_filesystem);
    let reservation = over.memory_reservation.or(definition.memory_reservation);
    host.put("MemoryReservation", reservation.map(|mib| i64::from(mib) * MIB));
    host.put_filled("Dns", json!(definition.dns_servers.clone().unwrap_or_default()));
    host.put_filled(
        "DnsSearch",
        json!(definition.dns_search_domains.clone().unwrap_or_default()),
    );
    host.put_filled(
        "SecurityOpt",
        json!(definition.docker_security_options.clone().unwrap_or_default()),
    );
    let hosts = definition
        .extra_hosts
        .iter()
        .flatten()
        .map(|entry| format!("{}:{}", entry.hostname, entry.ip_address));
    host.put_filled("ExtraHosts", hosts.collect());
    let ulimits = definition.ulimits.iter().flatten().map(
        |limit| json!({ "Name": limit.name.as_str(), "Soft": limit.soft_limit, "Hard": limit.hard_limit }),
    );
    host.put_filled("Ulimits", ulimits.collect());
    let sysctls = definition.system_controls.iter().flatten();
    let sysctls =
        sysctls.filter_map(|control| Some((control.namespace.clone()?, json!(control.value.clone()?))));
    host.put_filled("Sysctls", Value::Object(sysctls.collect()));
    host.put("LogConfig", log);
    let memory = over.memory.or(definition.memory);
    linux(
        &mut host,
        definition
            .linux_parameters
            .as_ref()
            .unwrap_or(&LinuxParameters::default()),
        memory,
    );
    host.0
}

fn linux(host: &mut Members, linux: &LinuxParameters, memory: Option<i32>) {
    let capabilities = linux.capabilities.clone().unwrap_or_default();
    host.put("CapAdd", Some(capabilities.add.unwrap_or_default()));
    host.put("CapDrop", Some(capabilities.drop.unwrap_or_default()));
    host.put_filled("Devices", linux.devices.iter().flatten().map(device).collect());
    host.put("Init", linux.init_process_enabled);
    host.put(
        "ShmSize",
        linux.shared_memory_size.map(|mib| i64::from(mib) * MIB),
    );
    let tmpfs = linux
        .tmpfs
        .iter()
        .flatten()
        .map(|mount| (mount.container_path.clone(), json!(tmpfs_options(mount))));
    host.put_filled("Tmpfs", Value::Object(tmpfs.collect()));
    // Docker's limit is for memory and swap together; swappiness counts only beside it (K-08).
    if let (Some(swap), Some(memory)) = (linux.max_swap, memory) {
        host.put("MemorySwap", Some((i64::from(memory) + i64::from(swap)) * MIB));
        host.put("MemorySwappiness", linux.swappiness);
    }
}

fn device(device: &Device) -> Value {
    let letter = |permission: &DeviceCgroupPermission| match permission {
        DeviceCgroupPermission::Read => 'r',
        DeviceCgroupPermission::Write => 'w',
        DeviceCgroupPermission::Mknod => 'm',
    };
    let permissions = device
        .permissions
        .as_ref()
        .filter(|permissions| !permissions.is_empty());
    json!({
        "PathOnHost": device.host_path,
        "PathInContainer": device.container_path.as_ref().unwrap_or(&device.host_path),
        "CgroupPermissions": permissions.map_or("rwm".to_owned(), |some| some.iter().map(letter).collect()),
    })
}

fn tmpfs_options(mount: &Tmpfs) -> String {
    let mut options = mount.mount_options.clone().unwrap_or_default();
    options.push(format!("size={}m", mount.size));
    options.join(",")
}
