//! The engine and its networks.

use crate::cgroup::{CgroupDriver, CgroupVersion};
use std::net::IpAddr;

/// The engine and the host it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// The engine's own version, such as `20.10.24`.
    pub version: String,
    /// Version of the API that is spoken, such as `1.41`.
    pub api_version: String,
    /// Control groups on the host.
    pub cgroup_version: CgroupVersion,
    /// Who makes control groups.
    pub cgroup_driver: CgroupDriver,
    /// Such as `overlay2`.
    pub storage_driver: String,
    /// Log drivers at hand, such as `json-file`.
    pub log_drivers: Vec<String>,
    /// Logical processors.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Host name.
    pub host_name: String,
    /// Such as `Debian GNU/Linux 12 (bookworm)`.
    pub operating_system: String,
    /// Kernel release.
    pub kernel_version: String,
    /// Such as `x86_64`.
    pub architecture: String,
    /// Security options of the engine, such as `name=seccomp,profile=default`.
    pub security_options: Vec<String>,
}

/// A network of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkDetails {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Such as `bridge`.
    pub driver: String,
    /// Its subnets with their gateways.
    pub subnets: Vec<Subnet>,
    /// The host's end of a bridge, such as `docker0`.
    pub bridge_interface: Option<String>,
}

/// A range of addresses of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Such as `172.17.0.0/16`.
    pub cidr: String,
    /// The host's address in it (of a bridge).
    pub gateway: Option<IpAddr>,
}
