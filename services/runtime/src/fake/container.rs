//! One simulated container.

use super::script::Script;
use crate::container::{
    ContainerDetails, ContainerId, ContainerSpec, ContainerStatus, ContainerSummary, Health, HealthState,
    LogLine, Mount, NetworkEndpoint, PublishedPort,
};
use crate::event::{ContainerEvent, ContainerEventKind};
use crate::model::HostConfig;
use crate::stats::ContainerStats;
use bollard::models::{
    ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats, ContainerNetworkStats, ContainerStatsResponse,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) spec: ContainerSpec,
    pub(super) image_id: String,
    pub(super) script: Script,
    pub(super) status: ContainerStatus,
    /// Counts starts; timers of an earlier run must not touch a later one.
    pub(super) run: u64,
    pub(super) pid: Option<u32>,
    pub(super) exit_code: Option<i64>,
    pub(super) oom_killed: bool,
    pub(super) error: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) health: Option<(HealthState, DateTime<Utc>)>,
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) ports: Vec<PublishedPort>,
    pub(super) logs: Vec<LogLine>,
}

impl Container {
    pub(super) fn host_config(&self) -> HostConfig {
        self.spec.body.host_config.clone().unwrap_or_default()
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        self.spec
            .body
            .labels
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect()
    }

    pub(super) fn has_health_check(&self) -> bool {
        let test = self
            .spec
            .body
            .healthcheck
            .as_ref()
            .and_then(|check| check.test.as_deref());
        test.and_then(<[String]>::first)
            .is_some_and(|kind| kind != "NONE")
    }

    /// `bridge`, `host`, `none`, `container:<id>` or the name of a network.
    pub(super) fn network_mode(&self) -> &str {
        let mode = self
            .spec
            .body
            .host_config
            .as_ref()
            .and_then(|host| host.network_mode.as_deref());
        match mode {
            None | Some("" | "default") => "bridge",
            Some(mode) => mode,
        }
    }

    /// Whether it has an address and published ports of its own.
    pub(super) fn has_own_network(&self) -> bool {
        let mode = self.network_mode();
        !matches!(mode, "host" | "none") && !mode.starts_with("container:")
    }

    fn networks(&self) -> BTreeMap<String, NetworkEndpoint> {
        let mode = self.network_mode();
        if mode.starts_with("container:") {
            return BTreeMap::new();
        }
        let endpoint = NetworkEndpoint {
            ipv4: self.ip.map(Into::into),
            gateway: self.ip.map(|_| Ipv4Addr::new(172, 17, 0, 1).into()),
            mac_address: self.ip.map(|ip| {
                let [a, b, c, d] = ip.octets();
                format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
            }),
            ipv6: None,
        };
        BTreeMap::from([(mode.to_owned(), endpoint)])
    }

    /// Sources of its binds: a path, or the name of a volume.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let binds = self
            .spec
            .body
            .host_config
            .as_ref()
            .and_then(|host| host.binds.as_deref());
        binds
            .unwrap_or_default()
            .iter()
            .filter_map(|bind| mount(bind))
            .collect()
    }

    pub(super) fn event(&self, kind: ContainerEventKind, at: DateTime<Utc>) -> ContainerEvent {
        ContainerEvent {
            id: ContainerId::from(self.id.as_str()),
            name: self.spec.name.clone(),
            image: self.spec.image().to_owned(),
            labels: self.labels(),
            at,
            kind,
        }
    }

    pub(super) fn summary(&self) -> ContainerSummary {
        ContainerSummary {
            id: ContainerId::from(self.id.as_str()),
            name: self.spec.name.clone(),
            image: self.spec.image().to_owned(),
            image_id: self.image_id.clone(),
            status: self.status,
            labels: self.labels(),
            created_at: Some(self.created_at),
        }
    }

    pub(super) fn details(&self) -> ContainerDetails {
        let running = self.status.is_running();
        ContainerDetails {
            id: ContainerId::from(self.id.as_str()),
            name: self.spec.name.clone(),
            image: self.spec.image().to_owned(),
            image_id: self.image_id.clone(),
            status: self.status,
            pid: self.pid,
            exit_code: self.exit_code.filter(|_| !running),
            oom_killed: self.oom_killed,
            error: self.error.clone(),
            created_at: Some(self.created_at),
            started_at: self.started_at,
            finished_at: self.finished_at,
            health: self.health.map(|(state, checked_at)| Health {
                state,
                failing_streak: i64::from(state == HealthState::Unhealthy) * 3,
                checked_at: (state != HealthState::Starting).then_some(checked_at),
                exit_code: match state {
                    HealthState::Starting => None,
                    HealthState::Healthy => Some(0),
                    HealthState::Unhealthy => Some(1),
                },
                output: None,
            }),
            restart_count: 0,
            networks: self.networks(),
            ports: self.ports.clone(),
            mounts: self.mounts(),
            labels: self.labels(),
            env: self.spec.body.env.clone().unwrap_or_default(),
            host_config: self.host_config(),
        }
    }

    /// A tenth of a processor, 16 MiB, a kilobyte a second.
    pub(super) fn stats(&self, cpus: u32, host_memory: u64, now: DateTime<Utc>) -> ContainerStats {
        let since = self.started_at.filter(|_| self.status.is_running());
        let seconds = since.map_or(0, |since| (now - since).num_seconds().max(0).unsigned_abs());
        let limit = self
            .host_config()
            .memory
            .and_then(|bytes| u64::try_from(bytes).ok())
            .filter(|bytes| *bytes > 0);
        let traffic = ContainerNetworkStats {
            rx_bytes: Some(seconds * 1024),
            tx_bytes: Some(seconds * 1024),
            rx_packets: Some(seconds),
            tx_packets: Some(seconds),
            ..ContainerNetworkStats::default()
        };
        ContainerStats(ContainerStatsResponse {
            id: Some(self.id.clone()),
            name: Some(format!("/{}", self.spec.name)),
            read: Some(now.to_rfc3339()),
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage {
                    total_usage: Some(seconds * 100_000_000),
                    ..ContainerCpuUsage::default()
                }),
                online_cpus: Some(cpus),
                ..ContainerCpuStats::default()
            }),
            memory_stats: Some(ContainerMemoryStats {
                usage: Some(if since.is_some() { 16 << 20 } else { 0 }),
                limit: Some(limit.unwrap_or(host_memory)),
                ..ContainerMemoryStats::default()
            }),
            networks: self
                .has_own_network()
                .then(|| HashMap::from([("eth0".to_owned(), traffic)])),
            ..ContainerStatsResponse::default()
        })
    }
}

/// `source:destination[:options]`.
fn mount(bind: &str) -> Option<Mount> {
    let mut parts = bind.split(':');
    let (source, destination, options) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let is_path = source.starts_with('/');
    Some(Mount {
        kind: if is_path { "bind" } else { "volume" }.to_owned(),
        volume: (!is_path).then(|| source.to_owned()),
        source: if is_path {
            source.to_owned()
        } else {
            super::storage::volume_path(source)
        },
        destination: destination.to_owned(),
        writable: !options.split(',').any(|option| option == "ro"),
    })
}
