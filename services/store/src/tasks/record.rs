//! The rows and documents of tasks.

use aws_model::ecs::types::{NetworkConfiguration, TaskOverride, TaskVolumeConfiguration};
use chrono::{DateTime, Utc};
use domain::{ContainerStatus, DesiredStatus, HealthStatus, Resources, TaskStatus};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// Column `spec`: what is fixed when a task is made. The control plane owns it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskSpec {
    /// As the caller gave them; the reply adds the defaults (T-13).
    #[serde(skip_serializing_if = "is_default")]
    pub overrides: TaskOverride,
    /// Task-level CPU units, from the override or the definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Task-level MiB, from the override or the definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub enable_execute_command: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_configuration: Option<NetworkConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_configurations: Vec<TaskVolumeConfiguration>,
    /// Name of the service, for tasks of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
}

/// One container of a task in column `containers`. Agents' reports own all but the first four members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerRecord {
    pub name: String,
    /// Last part of the container's ARN.
    pub id: Uuid,
    pub image: String,
    pub essential: bool,
    /// The definition has a health check, so that the agent will report health (T-50).
    #[serde(default)]
    pub has_health_check: bool,
    pub last_status: ContainerStatus,
    pub health: HealthStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_bindings: Vec<NetworkBindingRecord>,
    /// CPU units, MiB: the strings that the API's Container has (T-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpu_ids: Vec<String>,
}

/// A port of a container that can be reached on its host (T-10).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkBindingRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_port: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_port_range: Option<String>,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A row of `tasks`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TaskRow {
    pub id: Uuid,
    pub cluster_id: i64,
    pub instance_id: Option<Uuid>,
    pub task_definition_id: i64,
    pub service_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub task_group: String,
    pub started_by: Option<String>,
    /// `EC2`, `EXTERNAL` or `FARGATE`.
    pub launch_type: String,
    pub capacity_provider: Option<String>,
    #[sqlx(try_from = "String")]
    pub desired_status: DesiredStatus,
    #[sqlx(try_from = "String")]
    pub last_status: TaskStatus,
    #[sqlx(try_from = "String")]
    pub health: HealthStatus,
    pub resources: Json<Resources>,
    pub gpu_ids: Vec<String>,
    pub spec: Json<TaskSpec>,
    pub containers: Json<Vec<ContainerRecord>>,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub version: i64,
    pub protected_until: Option<DateTime<Utc>>,
    /// The service scheduler has counted how this task ended.
    pub accounted: bool,
    pub created_at: DateTime<Utc>,
    pub pull_started_at: Option<DateTime<Utc>>,
    pub pull_stopped_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub stopping_at: Option<DateTime<Utc>>,
    pub execution_stopped_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
