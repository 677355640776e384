//! What an agent has to be told. Nothing here reads the environment; the binary fills it in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of one agent. `AgentConfig::new` gives the official agent's defaults.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Base addresses of the ECS API, `http://host:port`, tried in turn. At least one.
    pub endpoints: Vec<String>,
    /// Cluster short name or ARN, sent as it is.
    pub cluster: String,
    pub region: String,
    pub credentials: AccessKey,
    /// Folder of the agent's state. `None` keeps it in memory: a restart is then a new container instance.
    pub data_dir: Option<PathBuf>,
    /// Custom attributes, sent with the first registration only.
    pub attributes: BTreeMap<String, String>,
    /// Value of `ecs.availability-zone`.
    pub availability_zone: Option<String>,
    /// Where load balancers reach the ports of this host's tasks, if that is not the address that the agent connects from. Sent as
    /// attribute `ecs.host-address`.
    pub host_address: Option<IpAddr>,
    /// Value of `ecs.instance-type`.
    pub instance_type: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// CPU units to register instead of 1024 for each core of the engine's machine.
    pub cpu_units: Option<u64>,
    /// MiB to register instead of the memory of the engine's machine.
    pub memory_mib: Option<u64>,
    /// MiB kept back from tasks.
    pub reserved_memory_mib: u64,
    pub reserved_ports: Vec<u16>,
    pub reserved_udp_ports: Vec<u16>,
    /// Ids of the GPUs that tasks may use.
    pub gpu_ids: Vec<String>,
    pub image_pull_behavior: ImagePullBehavior,
    pub image_cleanup: ImageCleanup,
    /// Keys of private registries by host (`registry.example:5000`, `docker.io`).
    pub registry_auth: BTreeMap<String, RegistryKey>,
    /// How long a container may take to stop before it is killed, if its definition does not say (T-41).
    pub container_stop_timeout: Duration,
    pub container_start_timeout: Duration,
    pub container_create_timeout: Duration,
    pub image_pull_timeout: Duration,
    /// How long containers of a stopped task are kept (K-10).
    pub task_cleanup_wait: Duration,
    /// Host ports from which blocks for `containerPortRange` are taken.
    pub dynamic_port_range: RangeInclusive<u16>,
    /// Whether tasks with task-level cpu or memory get a cgroup of their own (K-06).
    pub task_cgroups: bool,
    /// The metadata endpoint for containers; `None` serves none and sets none of its variables.
    pub metadata: Option<MetadataConfig>,
    pub session: SessionConfig,
    pub agent_version: String,
    pub agent_hash: String,
}

/// Keys with which requests are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessKey({})", self.access_key_id)
    }
}

/// User and password for a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryKey {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for RegistryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryKey({})", self.username)
    }
}

/// When an image is pulled before a container is created (K-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImagePullBehavior {
    /// Pull, and use the local image when the pull fails. Two images are used without asking a registry: one that was
    /// built or imported on this host (no registry has it), and one whose registry could not be reached a moment ago.
    #[default]
    Default,
    /// Pull; a failed pull stops the task.
    Always,
    /// Pull if this agent has not pulled the image yet; a failed pull stops the task.
    Once,
    /// Pull only if there is no local image.
    PreferCached,
}

/// Removal of images that no task uses (K-10).
#[derive(Debug, Clone)]
pub struct ImageCleanup {
    pub enabled: bool,
    pub interval: Duration,
    /// Images are kept at least this long after their last use.
    pub minimum_age: Duration,
    pub images_per_cycle: usize,
}

impl Default for ImageCleanup {
    fn default() -> Self {
        let (interval, minimum_age) = (Duration::from_secs(30 * 60), Duration::from_secs(60 * 60));
        Self {
            enabled: true,
            interval,
            minimum_age,
            images_per_cycle: 5,
        }
    }
}

/// Where containers reach metadata and credentials (EP-01, EP-02).
#[derive(Debug, Clone)]
pub struct MetadataConfig {
    /// Address on which the endpoint listens; loopback, as it hands out credentials.
    pub listen: SocketAddr,
    /// Install the NAT rules that bring 169.254.170.2:80 to `listen`. Needs root and `iptables`. Without them the
    /// endpoint listens on the bridge's address as well, and the variables in containers name that one.
    pub redirect: bool,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 51679)),
            redirect: true,
        }
    }
}

/// Timing of the sessions with the server; the defaults are the official agent's but for `reconnect`.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Pause between two telemetry reports.
    pub telemetry_interval: Duration,
    /// Whether containers are measured; without it the telemetry session reports health only.
    pub metrics: bool,
    /// A connection on which nothing was heard for this long (up to twice as long, by chance) is given up.
    pub silence_limit: Duration,
    /// A connection is renewed at this age (up to 5 minutes later, by chance).
    pub connection_lifetime: Duration,
    /// First and longest pause between two attempts to connect. The longest is much shorter than the official agent's two minutes: a
    /// server that was away for long gives its hosts no more than `host_loss_after` to come back.
    pub reconnect: (Duration, Duration),
    /// Pause after the server said that this container instance is inactive.
    pub inactive_wait: Duration,
    /// Longest pause before a rejected state report is sent again.
    pub submit_retry_limit: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            telemetry_interval: Duration::from_secs(20),
            metrics: true,
            silence_limit: Duration::from_secs(60),
            connection_lifetime: Duration::from_secs(30 * 60),
            reconnect: (Duration::from_millis(250), Duration::from_secs(4)),
            inactive_wait: Duration::from_secs(60 * 60),
            submit_retry_limit: Duration::from_secs(30),
        }
    }
}

impl AgentConfig {
    /// An agent of `cluster` with everything else at its default; state is kept in memory until `data_dir` is set.
    pub fn new(endpoint: impl Into<String>, cluster: impl Into<String>, credentials: AccessKey) -> Self {
        Self {
            endpoints: vec![endpoint.into()],
            cluster: cluster.into(),
            region: "us-east-1".to_owned(),
            credentials,
            data_dir: None,
            attributes: BTreeMap::new(),
            availability_zone: None,
            host_address: None,
            instance_type: None,
            tags: BTreeMap::new(),
            cpu_units: None,
            memory_mib: None,
            reserved_memory_mib: 0,
            reserved_ports: vec![22, 2375, 2376, 51678, 51679],
            reserved_udp_ports: Vec::new(),
            gpu_ids: Vec::new(),
            image_pull_behavior: ImagePullBehavior::Default,
            image_cleanup: ImageCleanup::default(),
            registry_auth: BTreeMap::new(),
            container_stop_timeout: Duration::from_secs(30),
            container_start_timeout: Duration::from_secs(3 * 60),
            container_create_timeout: Duration::from_secs(4 * 60),
            image_pull_timeout: Duration::from_secs(2 * 60 * 60),
            task_cleanup_wait: Duration::from_secs(3 * 60 * 60),
            dynamic_port_range: 32768..=60999,
            task_cgroups: true,
            metadata: None,
            session: SessionConfig::default(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            agent_hash: "berth".to_owned(),
        }
    }
}
