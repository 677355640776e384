//! What became of a container.

use crate::container::ContainerId;
use crate::model::HostConfig;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContainerStatus {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// The engine is about to start it again.
    Restarting,
    /// On its way out.
    Removing,
    /// Its process has ended.
    Exited,
    /// Could not be removed.
    Dead,
}

impl ContainerStatus {
    /// Whether a process exists.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether the process has ended.
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Exited | Self::Dead | Self::Removing)
    }
}

/// What the health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthState {
    /// No verdict yet.
    Starting,
    /// The check passes.
    Healthy,
    /// The check failed too often in a row.
    Unhealthy,
}

/// Health of a container that has a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The verdict.
    pub state: HealthState,
    /// Failures in a row.
    pub failing_streak: i64,
    /// When the last check ended.
    pub checked_at: Option<DateTime<Utc>>,
    /// Exit code of the last check.
    pub exit_code: Option<i64>,
    /// Output of the last check.
    pub output: Option<String>,
}

/// A container's place in one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkEndpoint {
    /// IPv4 address; absent while not running and in host mode.
    pub ipv4: Option<IpAddr>,
    /// Global IPv6 address.
    pub ipv6: Option<IpAddr>,
    /// The network's IPv4 gateway.
    pub gateway: Option<IpAddr>,
    /// MAC address.
    pub mac_address: Option<String>,
}

/// A port of a running container that the host publishes. With IPv6 on, Docker lists each twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// Port inside.
    pub container_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// Address on the host: `0.0.0.0`, `::` or a certain one.
    pub host_ip: String,
    /// Port on the host, the chosen one if it was left open.
    pub host_port: u16,
}

/// Something mounted into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`.
    pub kind: String,
    /// Name of the volume.
    pub volume: Option<String>,
    /// Path on the host.
    pub source: String,
    /// Path inside.
    pub destination: String,
    /// Whether it may be written to.
    pub writable: bool,
}

/// All that is known about one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerDetails {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without a leading slash.
    pub name: String,
    /// The image reference it was made with.
    pub image: String,
    /// The image's id (`sha256:…`).
    pub image_id: String,
    /// Where it is in its life.
    pub status: ContainerStatus,
    /// Process id on the host, while it runs.
    pub pid: Option<u32>,
    /// Exit code of the last run; absent before the first end and while running.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for memory. Under the common limit of a task, Docker on cgroup v1 sets this
    /// for all containers of the task: it counts only with exit code 137, and if nobody killed it on purpose.
    pub oom_killed: bool,
    /// Why it could not be started.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it last ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Absent without a health check.
    pub health: Option<Health>,
    /// How often the engine's own restart policy restarted it.
    pub restart_count: i64,
    /// Its networks by name.
    pub networks: BTreeMap<String, NetworkEndpoint>,
    /// Published ports, in order; empty while not running.
    pub ports: Vec<PublishedPort>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Labels, those of the image included.
    pub labels: BTreeMap<String, String>,
    /// Environment as `NAME=value`, that of the image included.
    pub env: Vec<String>,
    /// The host part it was made with: limits, network mode, log driver.
    pub host_config: HostConfig,
}

/// One line of a list of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without a leading slash.
    pub name: String,
    /// The image reference it was made with.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// Where it is in its life.
    pub status: ContainerStatus,
    /// Labels, those of the image included.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}
