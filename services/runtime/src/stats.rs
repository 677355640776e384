//! What a container uses.

use bollard::models::{ContainerBlkioStatEntry, ContainerStatsResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One sample, in the shape of the Docker Engine API (which the metadata endpoint serves as it is), with the
/// figures that matter read out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ContainerStats(pub ContainerStatsResponse);

/// Cumulative network counters over all interfaces of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkCounters {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Incoming errors.
    pub rx_errors: u64,
    /// Incoming packets dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Outgoing errors.
    pub tx_errors: u64,
    /// Outgoing packets dropped.
    pub tx_dropped: u64,
}

/// Cumulative block device counters of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageCounters {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
}

impl ContainerStats {
    /// When the sample was taken.
    pub fn read_at(&self) -> Option<DateTime<Utc>> {
        let read = DateTime::parse_from_rfc3339(self.0.read.as_deref()?).ok()?;
        Some(read.to_utc())
    }

    /// CPU time used so far, in nanoseconds over all processors.
    pub fn cpu_nanoseconds(&self) -> u64 {
        let usage = self.0.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref());
        usage.and_then(|usage| usage.total_usage).unwrap_or_default()
    }

    /// Logical processors that the container may run on.
    pub fn online_cpus(&self) -> u32 {
        let cpu = self.0.cpu_stats.as_ref();
        cpu.and_then(|cpu| cpu.online_cpus)
            .filter(|cpus| *cpus > 0)
            .unwrap_or(1)
    }

    /// Memory in use in bytes, without the page cache that the kernel can take back.
    pub fn memory_bytes(&self) -> u64 {
        let Some(memory) = &self.0.memory_stats else {
            return 0;
        };
        let part = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name)).copied();
        let cache = part("total_inactive_file")
            .or_else(|| part("inactive_file"))
            .or_else(|| part("cache"));
        memory
            .usage
            .unwrap_or_default()
            .saturating_sub(cache.unwrap_or_default())
    }

    /// The container's memory limit in bytes.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        self.0.memory_stats.as_ref().and_then(|memory| memory.limit)
    }

    /// Network counters; absent without a network of its own (host mode).
    pub fn network(&self) -> Option<NetworkCounters> {
        let networks = self.0.networks.as_ref().filter(|networks| !networks.is_empty())?;
        Some(
            networks
                .values()
                .fold(NetworkCounters::default(), |sum, one| NetworkCounters {
                    rx_bytes: sum.rx_bytes + one.rx_bytes.unwrap_or_default(),
                    rx_packets: sum.rx_packets + one.rx_packets.unwrap_or_default(),
                    rx_errors: sum.rx_errors + one.rx_errors.unwrap_or_default(),
                    rx_dropped: sum.rx_dropped + one.rx_dropped.unwrap_or_default(),
                    tx_bytes: sum.tx_bytes + one.tx_bytes.unwrap_or_default(),
                    tx_packets: sum.tx_packets + one.tx_packets.unwrap_or_default(),
                    tx_errors: sum.tx_errors + one.tx_errors.unwrap_or_default(),
                    tx_dropped: sum.tx_dropped + one.tx_dropped.unwrap_or_default(),
                }),
        )
    }

    /// Block device counters.
    pub fn storage(&self) -> StorageCounters {
        let blkio = self.0.blkio_stats.as_ref();
        let entries = blkio
            .and_then(|blkio| blkio.io_service_bytes_recursive.as_deref())
            .unwrap_or_default();
        let sum = |op: &str| {
            entries
                .iter()
                .filter(|entry| is_op(entry, op))
                .filter_map(|entry| entry.value)
                .sum()
        };
        StorageCounters {
            read_bytes: sum("read"),
            write_bytes: sum("write"),
        }
    }
}

fn is_op(entry: &ContainerBlkioStatEntry, op: &str) -> bool {
    entry
        .op
        .as_deref()
        .is_some_and(|name| name.eq_ignore_ascii_case(op))
}
