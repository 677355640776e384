//! The messages of the TCS websocket: what containers use, how they are, how the engine is (section 3).

use std::collections::{BTreeMap, BTreeSet};

use agent_protocol::TcsFromAgent;
use agent_protocol::task::HealthCheckType;
use agent_protocol::tcs::{
    ContainerHealth, ContainerMetric, CounterStatsSet, HealthMetadata, InstanceStatus,
    InstanceStatusMetadata, InstanceStatusValue, MetricsMetadata, NetworkStatsSet, PublishHealthRequest,
    PublishInstanceStatusRequest, PublishMetricsRequest, RestartStatsSet, StatsSet, StorageStatsSet,
    TaskHealth, TaskMetric,
};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream;

use super::samples::Usage;
use crate::engine::Engine;
use crate::host::Host;
use crate::task::record::{Phase, TaskRecord};

/// Most tasks in one frame.
const TASKS_PER_FRAME: usize = PublishMetricsRequest::MAX_TASKS;
/// Containers that are measured at the same time.
const MEASURED_AT_ONCE: usize = 8;

/// A running container to be measured.
struct Measured {
    task: usize,
    name: String,
    runtime_id: String,
    restarts: Option<i64>,
}

/// What the containers of all tasks used since the last report; one idle frame if none runs.
pub async fn metrics(engine: &Engine) -> Vec<TcsFromAgent> {
    let host = engine.host();
    let mut tasks: Vec<TaskMetric> = Vec::new();
    let mut running: Vec<Measured> = Vec::new();
    for cell in engine.tasks() {
        cell.read(|record| add_running(record, &mut tasks, &mut running));
    }
    host.samples.keep_only(
        &running
            .iter()
            .map(|container| container.runtime_id.clone())
            .collect::<BTreeSet<_>>(),
    );
    let measured = stream::iter(running)
        .map(|container| async move { measure(host, container).await })
        .buffer_unordered(MEASURED_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut by_task: BTreeMap<usize, Vec<ContainerMetric>> = BTreeMap::new();
    for (task, metric) in measured.into_iter().flatten() {
        by_task.entry(task).or_default().push(metric);
    }
    let metrics = by_task.into_iter().map(|(task, container_metrics)| TaskMetric {
        container_metrics,
        ..tasks[task].clone()
    });
    metrics_frames(host, &metrics.collect::<Vec<_>>())
}

/// A frame that measures nothing; its ack keeps the connection alive.
pub fn no_metrics(host: &Host) -> Vec<TcsFromAgent> {
    metrics_frames(host, &[])
}

fn metrics_frames(host: &Host, tasks: &[TaskMetric]) -> Vec<TcsFromAgent> {
    let message_id = host.random.uuid().to_string();
    let frame = |tasks: &[TaskMetric], fin: bool| {
        let metadata = MetricsMetadata {
            cluster: host.config.cluster.clone(),
            container_instance: host.container_instance_arn.clone(),
            idle: tasks.is_empty(),
            fin,
            message_id: message_id.clone(),
        };
        let task_metrics = tasks.to_vec();
        TcsFromAgent::PublishMetrics(PublishMetricsRequest {
            metadata,
            task_metrics,
            timestamp: host.clock.now(),
        })
    };
    if tasks.is_empty() {
        return vec![frame(&[], true)];
    }
    let count = tasks.len().div_ceil(TASKS_PER_FRAME);
    tasks
        .chunks(TASKS_PER_FRAME)
        .enumerate()
        .map(|(index, tasks)| frame(tasks, index + 1 == count))
        .collect()
}

fn add_running(record: &TaskRecord, tasks: &mut Vec<TaskMetric>, running: &mut Vec<Measured>) {
    let before = running.len();
    for (container, definition) in record.containers.iter().zip(&record.payload.containers) {
        let (Phase::Running, Some(id)) = (container.phase, &container.runtime_id) else {
            continue;
        };
        let restarts = definition
            .restart_policy
            .is_some()
            .then_some(i64::from(container.restart_count));
        running.push(Measured {
            task: tasks.len(),
            name: container.name.clone(),
            runtime_id: id.clone(),
            restarts,
        });
    }
    if running.len() > before {
        tasks.push(TaskMetric {
            task_arn: record.payload.arn.clone(),
            task_definition_family: record.payload.family.clone(),
            task_definition_version: record.payload.version.clone(),
            container_metrics: Vec::new(),
            cluster_arn: record.payload.task_cluster_arn.clone(),
        });
    }
}

async fn measure(host: &Host, container: Measured) -> Option<(usize, ContainerMetric)> {
    // It may have ended since; then there is nothing to tell.
    let stats = host.runtime.container_stats(&container.runtime_id).await.ok()?;
    let usage = host
        .samples
        .take(&container.runtime_id, &stats, host.engine.cpus, host.clock.now());
    let metric = ContainerMetric {
        container_name: container.name,
        cpu_stats_set: usage.cpu_percent.map(gauge),
        memory_stats_set: Some(gauge(usage.memory_mib)),
        network_stats_set: network(&usage),
        storage_stats_set: Some(StorageStatsSet {
            read_size_bytes: Some(counter(usage.storage.read_bytes)),
            write_size_bytes: Some(counter(usage.storage.write_bytes)),
        }),
        restart_stats_set: container
            .restarts
            .map(|restart_count| RestartStatsSet { restart_count }),
    };
    Some((container.task, metric))
}

fn network(usage: &Usage) -> Option<NetworkStatsSet> {
    let counters = usage.network?;
    Some(NetworkStatsSet {
        rx_bytes: Some(counter(counters.rx_bytes)),
        rx_dropped: Some(counter(counters.rx_dropped)),
        rx_errors: Some(counter(counters.rx_errors)),
        rx_packets: Some(counter(counters.rx_packets)),
        tx_bytes: Some(counter(counters.tx_bytes)),
        tx_dropped: Some(counter(counters.tx_dropped)),
        tx_errors: Some(counter(counters.tx_errors)),
        tx_packets: Some(counter(counters.tx_packets)),
        rx_bytes_per_second: usage.network_rates.map(|(rx, _)| gauge(rx)),
        tx_bytes_per_second: usage.network_rates.map(|(_, tx)| gauge(tx)),
    })
}

fn gauge(value: f64) -> StatsSet {
    StatsSet {
        min: value,
        max: value,
        sample_count: 1,
        sum: value,
    }
}

fn counter(value: u64) -> CounterStatsSet {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    CounterStatsSet {
        min: value,
        max: value,
        sample_count: 1,
        sum: value,
        ..CounterStatsSet::default()
    }
}

/// The health of all containers that have a check; nothing if there is none.
pub fn health(engine: &Engine) -> Vec<TcsFromAgent> {
    let host = engine.host();
    let tasks: Vec<TaskHealth> = engine
        .tasks()
        .iter()
        .filter_map(|cell| cell.read(task_health))
        .collect();
    let message_id = host.random.uuid().to_string();
    let count = tasks.len().div_ceil(TASKS_PER_FRAME);
    let frame = |(index, tasks): (usize, &[TaskHealth])| {
        let metadata = HealthMetadata {
            cluster: host.config.cluster.clone(),
            container_instance: host.container_instance_arn.clone(),
            message_id: message_id.clone(),
            fin: index + 1 == count,
        };
        let (tasks, timestamp) = (tasks.to_vec(), host.clock.now());
        TcsFromAgent::PublishHealth(PublishHealthRequest {
            metadata,
            tasks,
            timestamp,
        })
    };
    tasks.chunks(TASKS_PER_FRAME).enumerate().map(frame).collect()
}

fn task_health(record: &TaskRecord) -> Option<TaskHealth> {
    let checked =
        record
            .containers
            .iter()
            .zip(&record.payload.containers)
            .filter(|(container, definition)| {
                definition.health_check_type == Some(HealthCheckType::Docker)
                    && container.phase == Phase::Running
            });
    let containers: Vec<ContainerHealth> = checked
        .map(|(container, _)| ContainerHealth {
            container_name: container.name.clone(),
            health_status: container.health.status.clone(),
            status_since: container.health.since,
            status_message: container
                .health
                .output
                .clone()
                .filter(|output| !output.is_empty()),
        })
        .collect();
    (!containers.is_empty()).then(|| TaskHealth {
        task_arn: record.payload.arn.clone(),
        task_definition_family: record.payload.family.clone(),
        task_definition_version: record.payload.version.clone(),
        containers,
    })
}

/// How the container engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineHealth {
    status: InstanceStatusValue,
    reason: Option<String>,
    changed_at: Option<DateTime<Utc>>,
}

impl Default for EngineHealth {
    fn default() -> Self {
        Self {
            status: InstanceStatusValue::Initializing,
            reason: None,
            changed_at: None,
        }
    }
}

/// Asks the engine for a sign of life, and tells what came of it.
pub async fn instance_status(host: &Host, before: EngineHealth) -> (EngineHealth, TcsFromAgent) {
    let (status, reason) = match host.runtime.ping().await {
        Ok(()) => (InstanceStatusValue::Ok, None),
        Err(error) => (InstanceStatusValue::Impaired, Some(error.to_string())),
    };
    let now = host.clock.now();
    let changed_at = before
        .changed_at
        .filter(|_| before.status == status)
        .unwrap_or(now);
    let told = InstanceStatus {
        r#type: "ContainerRuntime".to_owned(),
        status: status.clone(),
        status_reason: reason.clone(),
        last_updated: Some(now),
        last_status_change: Some(changed_at),
    };
    let metadata = InstanceStatusMetadata {
        cluster: host.config.cluster.clone(),
        container_instance: host.container_instance_arn.clone(),
        request_id: host.random.uuid().to_string(),
    };
    let request = PublishInstanceStatusRequest {
        metadata,
        statuses: vec![told],
        timestamp: now,
    };
    let health = EngineHealth {
        status,
        reason,
        changed_at: Some(changed_at),
    };
    (health, TcsFromAgent::PublishInstanceStatus(request))
}
