//! `PublishMetricsRequest`: what containers use.

use crate::wire::{epoch_seconds, null_as_default};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Metrics of up to [`Self::MAX_TASKS`] tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishMetricsRequest {
    /// Who reports, and whether this is the last frame of the batch.
    pub metadata: MetricsMetadata,
    /// One entry per task; absent when idle.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub task_metrics: Vec<TaskMetric>,
    /// When it was taken.
    #[serde(with = "epoch_seconds")]
    pub timestamp: DateTime<Utc>,
}

impl PublishMetricsRequest {
    /// Most tasks in one frame.
    pub const MAX_TASKS: usize = 10;
}

/// Head of a metrics report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsMetadata {
    /// Cluster as the agent was configured.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// The host.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance: String,
    /// No task runs.
    #[serde(default, deserialize_with = "null_as_default")]
    pub idle: bool,
    /// Last frame of the batch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub fin: bool,
    /// Unique per batch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message_id: String,
}

/// Metrics of one task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetric {
    /// The task.
    pub task_arn: String,
    /// Its task definition's family.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_definition_family: String,
    /// Its task definition's revision.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_definition_version: String,
    /// One entry per container.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_metrics: Vec<ContainerMetric>,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
}

/// Metrics of one container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerMetric {
    /// Name in the task definition.
    pub container_name: String,
    /// Percent of the **whole host**.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_stats_set: Option<StatsSet>,
    /// MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_stats_set: Option<StatsSet>,
    /// Missing in host mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_stats_set: Option<NetworkStatsSet>,
    /// Block devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_stats_set: Option<StorageStatsSet>,
    /// Local restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_stats_set: Option<RestartStatsSet>,
}

/// Samples of a gauge since the last report; the average is `sum / sample_count`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatsSet {
    /// Smallest sample.
    pub min: f64,
    /// Largest sample.
    pub max: f64,
    /// How many samples.
    pub sample_count: i64,
    /// Sum of the samples.
    pub sum: f64,
}

/// Samples of a cumulative counter. What exceeds `i64` stands in the overflow members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CounterStatsSet {
    /// Smallest sample.
    pub min: i64,
    /// Largest sample.
    pub max: i64,
    /// How many samples.
    pub sample_count: i64,
    /// Sum of the samples.
    pub sum: i64,
    /// Overflow of `min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow_min: Option<i64>,
    /// Overflow of `max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow_max: Option<i64>,
    /// Overflow of `sum`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow_sum: Option<i64>,
}

/// Network counters of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkStatsSet {
    /// Bytes received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_bytes: Option<CounterStatsSet>,
    /// Incoming packets dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_dropped: Option<CounterStatsSet>,
    /// Incoming errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_errors: Option<CounterStatsSet>,
    /// Packets received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_packets: Option<CounterStatsSet>,
    /// Bytes sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_bytes: Option<CounterStatsSet>,
    /// Outgoing packets dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_dropped: Option<CounterStatsSet>,
    /// Outgoing errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_errors: Option<CounterStatsSet>,
    /// Packets sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_packets: Option<CounterStatsSet>,
    /// Rate of receiving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx_bytes_per_second: Option<StatsSet>,
    /// Rate of sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_bytes_per_second: Option<StatsSet>,
}

/// Block device counters of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatsSet {
    /// Bytes read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_size_bytes: Option<CounterStatsSet>,
    /// Bytes written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_size_bytes: Option<CounterStatsSet>,
}

/// Local restarts of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestartStatsSet {
    /// How often it was restarted.
    pub restart_count: i64,
}
