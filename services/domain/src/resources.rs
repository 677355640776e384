//! What a host has and what a task needs of it (I-02 to I-04).

use serde::{Deserialize, Serialize};

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// What a task takes of its host from placement until it is STOPPED (I-03, I-04).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// CPU units, 1024 a core.
    pub cpu: i64,
    /// MiB.
    pub memory: i64,
    /// Fixed host ports; dynamic ones are picked by the host's agent.
    pub ports: Vec<u16>,
    pub ports_udp: Vec<u16>,
    /// Number of whole GPUs; which ones is decided at placement.
    pub gpus: u32,
}
