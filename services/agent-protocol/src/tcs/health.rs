//! `PublishHealthRequest` and `PublishInstanceStatusRequest`.

use crate::wire::{epoch_seconds, null_as_default, words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// Health of a container.
    #[derive(Default)]
    pub enum HealthStatus {
        /// The check passes.
        Healthy = "HEALTHY",
        /// The check failed too often.
        Unhealthy = "UNHEALTHY",
        /// Not known yet.
        #[default]
        Unknown = "UNKNOWN",
    }
}

words! {
    /// Health of a part of the host.
    pub enum InstanceStatusValue {
        /// It works.
        Ok = "OK",
        /// It does not.
        Impaired = "IMPAIRED",
        /// Not enough checks yet.
        InsufficientData = "INSUFFICIENT_DATA",
        /// Starting.
        Initializing = "INITIALIZING",
    }
}

/// Health of the containers of up to 10 tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishHealthRequest {
    /// Who reports.
    pub metadata: HealthMetadata,
    /// The tasks that have containers with a health check.
    #[serde(default, deserialize_with = "null_as_default")]
    pub tasks: Vec<TaskHealth>,
    /// When it was taken.
    #[serde(with = "epoch_seconds")]
    pub timestamp: DateTime<Utc>,
}

/// Head of a health report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthMetadata {
    /// Cluster as the agent was configured.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// The host.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance: String,
    /// Unique per batch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message_id: String,
    /// Last frame of the batch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub fin: bool,
}

/// Health of one task's containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskHealth {
    /// The task.
    pub task_arn: String,
    /// Its task definition's family.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_definition_family: String,
    /// Its task definition's revision.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_definition_version: String,
    /// One entry per container with a health check.
    #[serde(default, deserialize_with = "null_as_default")]
    pub containers: Vec<ContainerHealth>,
}

/// Health of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerHealth {
    /// Name in the task definition.
    pub container_name: String,
    /// Its health.
    pub health_status: HealthStatus,
    /// Since when.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub status_since: Option<DateTime<Utc>>,
    /// Output of the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
}

/// Health of parts of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishInstanceStatusRequest {
    /// Who reports.
    pub metadata: InstanceStatusMetadata,
    /// One entry per part.
    #[serde(default, deserialize_with = "null_as_default")]
    pub statuses: Vec<InstanceStatus>,
    /// When it was taken.
    #[serde(with = "epoch_seconds")]
    pub timestamp: DateTime<Utc>,
}

/// Head of an instance status report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatusMetadata {
    /// Cluster as the agent was configured.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// The host.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance: String,
    /// Unique per report.
    #[serde(default, deserialize_with = "null_as_default")]
    pub request_id: String,
}

/// Health of one part of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// `ContainerRuntime`.
    pub r#type: String,
    /// Its health.
    pub status: InstanceStatusValue,
    /// Why it is not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// When it was last checked.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_updated: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_status_change: Option<DateTime<Utc>>,
}
