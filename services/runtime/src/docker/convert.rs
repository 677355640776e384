//! bollard's models as ours.

use crate::cgroup::{self, CgroupDriver, CgroupVersion};
use crate::container::{
    ContainerDetails, ContainerId, ContainerStatus, ContainerSummary, Health, HealthState, Mount,
    NetworkEndpoint, PublishedPort,
};
use crate::info::{EngineInfo, NetworkDetails, Subnet};
use crate::volume::{VolumeDetails, VolumeSpec};
use bollard::models;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// A time of the engine; its zero time (year 1) means "never".
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (time.timestamp() > 0).then_some(time)
}

pub(super) fn epoch(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).filter(|_| seconds > 0)
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn sorted<V>(map: Option<HashMap<String, V>>) -> BTreeMap<String, V> {
    map.unwrap_or_default().into_iter().collect()
}

pub(super) fn engine_info(info: models::SystemInfo, api_version: String) -> EngineInfo {
    use models::{SystemInfoCgroupDriverEnum as Driver, SystemInfoCgroupVersionEnum as Version};
    EngineInfo {
        version: info.server_version.unwrap_or_default(),
        api_version,
        cgroup_version: match info.cgroup_version {
            Some(Version::_1) => CgroupVersion::V1,
            Some(Version::_2) => CgroupVersion::V2,
            _ => cgroup::version_of_this_host(),
        },
        cgroup_driver: match info.cgroup_driver {
            Some(Driver::SYSTEMD) => CgroupDriver::Systemd,
            _ => CgroupDriver::Cgroupfs,
        },
        storage_driver: info.driver.unwrap_or_default(),
        log_drivers: info.plugins.and_then(|plugins| plugins.log).unwrap_or_default(),
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1),
        memory_bytes: info
            .mem_total
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or_default(),
        host_name: info.name.unwrap_or_default(),
        operating_system: info.operating_system.unwrap_or_default(),
        kernel_version: info.kernel_version.unwrap_or_default(),
        architecture: info.architecture.unwrap_or_default(),
        security_options: info.security_options.unwrap_or_default(),
    }
}

pub(super) fn container_details(found: models::ContainerInspectResponse) -> ContainerDetails {
    let state = found.state.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let network = found.network_settings.unwrap_or_default();
    let status = state.status.map_or(ContainerStatus::Created, container_status);
    let finished_at = state.finished_at.as_deref().and_then(time);
    // Docker gives exit code 0 to containers that have not run yet, and 128 to those that could not start.
    let has_ended = status.is_stopped() || state.exit_code.is_some_and(|code| code != 0);
    ContainerDetails {
        id: ContainerId::from(found.id.unwrap_or_default()),
        name: bare_name(found.name.as_deref()),
        image: config.image.unwrap_or_default(),
        image_id: found.image.unwrap_or_default(),
        status,
        pid: state
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0),
        exit_code: state.exit_code.filter(|_| has_ended && !status.is_running()),
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: non_empty(state.error),
        created_at: found.created.as_deref().and_then(time),
        started_at: state.started_at.as_deref().and_then(time),
        finished_at,
        health: state.health.and_then(health),
        restart_count: found.restart_count.unwrap_or_default(),
        networks: sorted(network.networks)
            .into_iter()
            .map(|(name, one)| (name, endpoint(one)))
            .collect(),
        ports: published_ports(network.ports.unwrap_or_default()),
        mounts: found.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        labels: sorted(config.labels),
        env: config.env.unwrap_or_default(),
        host_config: found.host_config.unwrap_or_default(),
    }
}

fn bare_name(name: Option<&str>) -> String {
    name.unwrap_or_default().trim_start_matches('/').to_owned()
}

fn container_status(status: models::ContainerStateStatusEnum) -> ContainerStatus {
    use models::ContainerStateStatusEnum as Status;
    match status {
        Status::EMPTY | Status::CREATED => ContainerStatus::Created,
        Status::RUNNING | Status::STOPPING => ContainerStatus::Running,
        Status::PAUSED => ContainerStatus::Paused,
        Status::RESTARTING => ContainerStatus::Restarting,
        Status::REMOVING => ContainerStatus::Removing,
        Status::EXITED => ContainerStatus::Exited,
        Status::DEAD => ContainerStatus::Dead,
    }
}

fn health(health: models::Health) -> Option<Health> {
    use models::HealthStatusEnum as Status;
    let state = match health.status? {
        Status::EMPTY | Status::NONE => return None,
        Status::STARTING => HealthState::Starting,
        Status::HEALTHY => HealthState::Healthy,
        Status::UNHEALTHY => HealthState::Unhealthy,
    };
    let last = health.log.and_then(|mut log| log.pop());
    Some(Health {
        state,
        failing_streak: health.failing_streak.unwrap_or_default(),
        checked_at: last
            .as_ref()
            .and_then(|check| check.end.as_deref())
            .and_then(time),
        exit_code: last.as_ref().and_then(|check| check.exit_code),
        output: last.and_then(|check| non_empty(check.output)),
    })
}

fn endpoint(endpoint: models::EndpointSettings) -> NetworkEndpoint {
    let address = |text: Option<String>| text.and_then(|text| text.parse().ok());
    NetworkEndpoint {
        ipv4: address(endpoint.ip_address),
        ipv6: address(endpoint.global_ipv6_address),
        gateway: address(endpoint.gateway),
        mac_address: non_empty(endpoint.mac_address),
    }
}

fn published_ports(ports: models::PortMap) -> Vec<PublishedPort> {
    let mut published: Vec<_> = ports
        .into_iter()
        .flat_map(|(inside, bindings)| {
            bindings
                .unwrap_or_default()
                .into_iter()
                .map(move |one| (inside.clone(), one))
        })
        .filter_map(|(inside, binding)| {
            let (port, protocol) = inside.split_once('/').unwrap_or((&inside, "tcp"));
            Some(PublishedPort {
                container_port: port.parse().ok()?,
                protocol: protocol.to_owned(),
                host_ip: binding
                    .host_ip
                    .filter(|ip| !ip.is_empty())
                    .unwrap_or_else(|| "0.0.0.0".to_owned()),
                host_port: binding.host_port?.parse().ok()?,
            })
        })
        .collect();
    published.sort();
    published
}

fn mount(mount: models::MountPoint) -> Mount {
    Mount {
        kind: mount.typ.map(|kind| kind.to_string()).unwrap_or_default(),
        volume: non_empty(mount.name),
        source: mount.source.unwrap_or_default(),
        destination: mount.destination.unwrap_or_default(),
        writable: mount.rw.unwrap_or_default(),
    }
}

pub(super) fn container_summary(found: models::ContainerSummary) -> ContainerSummary {
    let names = found.names.unwrap_or_default();
    ContainerSummary {
        id: ContainerId::from(found.id.unwrap_or_default()),
        // A linked container also has names below others (`/other/alias`).
        name: bare_name(
            names
                .iter()
                .find(|name| name.matches('/').count() <= 1)
                .map(String::as_str),
        ),
        image: found.image.unwrap_or_default(),
        image_id: found.image_id.unwrap_or_default(),
        status: found.state.map_or(ContainerStatus::Created, summary_status),
        labels: sorted(found.labels),
        created_at: found.created.and_then(epoch),
    }
}

fn summary_status(state: models::ContainerSummaryStateEnum) -> ContainerStatus {
    use models::ContainerSummaryStateEnum as State;
    match state {
        State::EMPTY | State::CREATED => ContainerStatus::Created,
        State::RUNNING | State::STOPPING => ContainerStatus::Running,
        State::PAUSED => ContainerStatus::Paused,
        State::RESTARTING => ContainerStatus::Restarting,
        State::REMOVING => ContainerStatus::Removing,
        State::EXITED => ContainerStatus::Exited,
        State::DEAD => ContainerStatus::Dead,
    }
}

pub(super) fn volume_request(spec: &VolumeSpec) -> models::VolumeCreateRequest {
    models::VolumeCreateRequest {
        name: Some(spec.name.clone()),
        driver: spec.driver.clone(),
        driver_opts: Some(spec.driver_opts.clone().into_iter().collect()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        ..models::VolumeCreateRequest::default()
    }
}

pub(super) fn volume_details(volume: models::Volume) -> VolumeDetails {
    VolumeDetails {
        name: volume.name,
        driver: volume.driver,
        mountpoint: volume.mountpoint,
        driver_opts: volume.options.into_iter().collect(),
        labels: volume.labels.into_iter().collect(),
    }
}

pub(super) fn network_details(network: models::NetworkInspect) -> NetworkDetails {
    let ranges = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let bridge_name = |mut options: HashMap<String, String>| options.remove("com.docker.network.bridge.name");
    NetworkDetails {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        driver: network.driver.unwrap_or_default(),
        subnets: ranges.into_iter().map(subnet).collect(),
        bridge_interface: network.options.and_then(bridge_name),
    }
}

fn subnet(range: models::IpamConfig) -> Subnet {
    let cidr = range.subnet.unwrap_or_default();
    // Podman and IPv6 gateways may come with a prefix length. Docker does not name the one it has chosen itself
    // on its default bridge: the first address.
    let named = range
        .gateway
        .and_then(|gateway| gateway.split('/').next()?.parse().ok());
    let gateway = named.or_else(|| first_address(&cidr));
    Subnet { cidr, gateway }
}

fn first_address(cidr: &str) -> Option<IpAddr> {
    let (network, _) = cidr.split_once('/')?;
    let network: Ipv4Addr = network.parse().ok()?;
    Some(Ipv4Addr::from_bits(network.to_bits() + 1).into())
}
