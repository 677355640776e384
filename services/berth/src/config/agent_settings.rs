//! The settings of the agent of this host.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::layers::Layers;
use super::{ConfigError, absolute, at_least_a_second, parsed, values};

/// What can be configured about the agent of this host.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    pub cluster: String,
    /// Base address of the server to join; the one of this machine if `None`.
    pub server: Option<String>,
    pub docker_host: String,
    pub attributes: BTreeMap<String, String>,
    pub availability_zone: String,
    /// Where load balancers reach this host's ports; `None`: where the agent connects from.
    pub host_address: Option<IpAddr>,
    pub instance_type: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// CPU units to register; those of the machine if `None`.
    pub cpu_units: Option<u64>,
    /// MiB to register; those of the machine if `None`.
    pub memory_mib: Option<u64>,
    pub gpus: Vec<String>,
    /// TCP ports kept from tasks (I-02).
    pub reserved_ports: Vec<u16>,
    /// File in the form of Docker's `config.json`, with keys of private registries.
    pub docker_config: Option<PathBuf>,
    /// Where the metadata endpoint listens.
    pub metadata_address: SocketAddr,
    /// MiB kept from tasks.
    pub reserved_memory_mib: u64,
    pub image_pull_behavior: ImagePullBehavior,
    /// Between the stop signal and the kill, for containers that do not say (T-41).
    pub container_stop_timeout: Duration,
    /// How long containers of a stopped task are kept (K-10).
    pub task_cleanup_wait: Duration,
    pub image_cleanup: bool,
    pub image_cleanup_interval: Duration,
    /// Images are kept at least this long after their last use.
    pub image_minimum_age: Duration,
    pub images_per_cleanup: usize,
}

/// When the agent pulls an image (K-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePullBehavior {
    Default,
    Always,
    Once,
    PreferCached,
}

impl AgentSettings {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            cluster: layers.required("agent.cluster", parsed)?,
            server: layers.optional("agent.server", values::base_url)?,
            docker_host: layers.required("agent.docker_host", parsed)?,
            attributes: layers
                .optional("agent.attributes", values::map)?
                .unwrap_or_default(),
            availability_zone: layers.required("agent.availability_zone", parsed)?,
            host_address: layers.optional("agent.host_address", parsed)?,
            instance_type: layers.optional("agent.instance_type", parsed)?,
            tags: layers.optional("agent.tags", values::map)?.unwrap_or_default(),
            cpu_units: layers.optional("agent.cpu", parsed)?,
            memory_mib: layers.optional("agent.memory", parsed)?,
            gpus: layers
                .optional("agent.gpus", |text| {
                    Ok(values::list(text).map(str::to_owned).collect())
                })?
                .unwrap_or_default(),
            reserved_ports: layers.required("agent.reserved_ports", |text| {
                values::list(text).map(parsed).collect()
            })?,
            docker_config: layers.optional("agent.docker_config", absolute)?,
            metadata_address: layers.required("agent.metadata_address", parsed)?,
            reserved_memory_mib: layers.required("agent.reserved_memory", parsed)?,
            image_pull_behavior: layers.required("agent.image_pull_behavior", parsed)?,
            container_stop_timeout: layers.required("agent.container_stop_timeout", at_least_a_second)?,
            task_cleanup_wait: layers.required("agent.task_cleanup_wait", at_least_a_second)?,
            image_cleanup: layers.required("agent.image_cleanup", values::switch)?,
            image_cleanup_interval: layers.required("agent.image_cleanup_interval", at_least_a_second)?,
            image_minimum_age: layers.required("agent.image_minimum_age", values::duration)?,
            images_per_cleanup: layers.required("agent.images_per_cleanup", parsed)?,
        })
    }
}

impl FromStr for ImagePullBehavior {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            "always" => Ok(Self::Always),
            "once" => Ok(Self::Once),
            "prefer-cached" => Ok(Self::PreferCached),
            other => Err(format!(
                "must be default, always, once or prefer-cached, not '{other}'"
            )),
        }
    }
}
