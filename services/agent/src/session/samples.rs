//! From cumulative counters of containers to what was used since the last look.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use runtime::ContainerStats;
use runtime::stats::{NetworkCounters, StorageCounters};

const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;
/// Rates over less than this say nothing.
const SHORTEST_SPAN: TimeDelta = TimeDelta::milliseconds(500);

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: DateTime<Utc>,
    cpu_nanoseconds: u64,
    network: Option<NetworkCounters>,
    /// Bytes received and sent each second before this sample.
    network_rates: Option<(f64, f64)>,
}

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Percent of the whole host; known from the second sample on.
    pub cpu_percent: Option<f64>,
    pub memory_mib: f64,
    pub network: Option<NetworkCounters>,
    /// Bytes received and sent each second; known from the second sample on.
    pub network_rates: Option<(f64, f64)>,
    pub storage: StorageCounters,
}

/// The last sample of each container, by its id.
#[derive(Debug, Default)]
pub struct Samples {
    last: Mutex<HashMap<String, Sample>>,
}

impl Samples {
    /// Takes in a sample of container `id` on a host with `cpus` processors, and compares it with the one before.
    pub fn take(&self, id: &str, stats: &ContainerStats, cpus: u32, now: DateTime<Utc>) -> Usage {
        let at = stats.read_at().unwrap_or(now);
        let (cpu_nanoseconds, network) = (stats.cpu_nanoseconds(), stats.network());
        let mut last = self.last.lock();
        let before = last.get(id).copied();
        let span = before
            .map(|sample| at - sample.at)
            .filter(|span| *span >= SHORTEST_SPAN);
        let seconds = span.map(|span| span.as_seconds_f64());
        let cpu_percent = before.zip(seconds).map(|(sample, seconds)| {
            let used = cpu_nanoseconds.saturating_sub(sample.cpu_nanoseconds) as f64 / 1e9;
            100.0 * used / seconds / f64::from(cpus.max(1))
        });
        let rates = before.and_then(|sample| sample.network).zip(network).zip(seconds);
        let network_rates = rates.map(|((before, after), seconds)| {
            let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
            (
                rate(before.rx_bytes, after.rx_bytes),
                rate(before.tx_bytes, after.tx_bytes),
            )
        });
        let network_rates = network_rates.or(before.and_then(|sample| sample.network_rates));
        if before.is_none() || span.is_some() {
            last.insert(
                id.to_owned(),
                Sample {
                    at,
                    cpu_nanoseconds,
                    network,
                    network_rates,
                },
            );
        }
        let memory_mib = stats.memory_bytes() as f64 / BYTES_PER_MIB;
        Usage {
            cpu_percent,
            memory_mib,
            network,
            network_rates,
            storage: stats.storage(),
        }
    }

    /// Forgets all containers but those in `alive`.
    pub fn keep_only(&self, alive: &BTreeSet<String>) {
        self.last.lock().retain(|id, _| alive.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stats(read: &str, cpu: u64, rx: u64) -> ContainerStats {
        let stats = json!({
            "read": read,
            "cpu_stats": {"cpu_usage": {"total_usage": cpu}, "online_cpus": 2},
            "memory_stats": {"usage": 3 * 1024 * 1024, "stats": {"total_inactive_file": 1024 * 1024}},
            "networks": {"eth0": {"rx_bytes": rx, "tx_bytes": 0}},
        });
        ContainerStats(serde_json::from_value(stats).unwrap())
    }

    #[test]
    fn cpu_is_percent_of_the_whole_host_since_the_last_sample() {
        let samples = Samples::default();
        let now = Utc::now();
        let first = samples.take("c", &stats("2026-01-01T00:00:00Z", 0, 100), 2, now);
        assert_eq!(
            (first.cpu_percent, first.network_rates, first.memory_mib),
            (None, None, 2.0)
        );
        let second = samples.take("c", &stats("2026-01-01T00:00:10Z", 5_000_000_000, 1100), 2, now);
        assert_eq!(
            (second.cpu_percent, second.network_rates),
            (Some(25.0), Some((100.0, 0.0)))
        );
        samples.keep_only(&BTreeSet::new());
        assert_eq!(
            samples
                .take("c", &stats("2026-01-01T00:00:20Z", 9, 1), 2, now)
                .cpu_percent,
            None
        );
    }
}
