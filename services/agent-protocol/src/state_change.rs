//! State reports of an agent: bodies of the ECS operations `SubmitTaskStateChange`,
//! `SubmitContainerStateChange` and `SubmitAttachmentStateChanges`.

use crate::wire::{epoch_seconds, null_as_default, words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// State of a task in a report.
    pub enum TaskChangeStatus {
        /// Image digests are resolved.
        Pending = "PENDING",
        /// All containers are at their steady state.
        Running = "RUNNING",
        /// All containers have stopped.
        Stopped = "STOPPED",
    }
}

words! {
    /// State of a container in a report.
    pub enum ContainerChangeStatus {
        /// Its image digest is resolved.
        Pending = "PENDING",
        /// It runs.
        Running = "RUNNING",
        /// It has stopped.
        Stopped = "STOPPED",
    }
}

words! {
    /// State of an agent inside a container.
    pub enum ManagedAgentChangeStatus {
        /// Not running yet.
        Pending = "PENDING",
        /// It runs.
        Running = "RUNNING",
        /// It has stopped.
        Stopped = "STOPPED",
    }
}

words! {
    /// State of an attachment.
    pub enum AttachmentChangeStatus {
        /// The host has it.
        Attached = "ATTACHED",
    }
}

/// `SubmitTaskStateChange`. Reports of one task are sent in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitTaskStateChangeRequest {
    /// Cluster as the agent was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The task.
    pub task: String,
    /// Absent in reports about attachments only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskChangeStatus>,
    /// At most 1024 characters; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same container may appear several times; the order counts.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub containers: Vec<ContainerStateChange>,
    /// Agents inside containers.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub managed_agents: Vec<ManagedAgentStateChange>,
    /// Interfaces that have arrived.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub attachments: Vec<AttachmentStateChange>,
    /// First pull began.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub pull_started_at: Option<DateTime<Utc>>,
    /// Last pull ended.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub pull_stopped_at: Option<DateTime<Utc>>,
    /// First essential container ended.
    #[serde(
        default,
        with = "epoch_seconds::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub execution_stopped_at: Option<DateTime<Utc>>,
}

/// A container inside a task's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStateChange {
    /// Name in the task definition.
    pub container_name: String,
    /// Id in the engine; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<String>,
    /// Digest of the image; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// Exit code, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// `<ErrorName>: <text>`; at most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its state.
    pub status: ContainerChangeStatus,
    /// Published ports; none in host mode.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub network_bindings: Vec<NetworkBinding>,
}

/// A published port or range of ports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBinding {
    /// Address of the host it is bound to.
    #[serde(default, rename = "bindIP", skip_serializing_if = "Option::is_none")]
    pub bind_ip: Option<String>,
    /// Port inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_port: Option<u16>,
    /// Port outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// `tcp` or `udp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<crate::task::TransportProtocol>,
    /// `first-last` inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
    /// `first-last` outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port_range: Option<String>,
}

/// An agent inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedAgentStateChange {
    /// `ExecuteCommandAgent`.
    pub managed_agent_name: String,
    /// Its container.
    pub container_name: String,
    /// Its state.
    pub status: ManagedAgentChangeStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An attachment that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentStateChange {
    /// The attachment.
    pub attachment_arn: String,
    /// Its state.
    pub status: AttachmentChangeStatus,
}

/// `SubmitAttachmentStateChanges`: interfaces and volumes of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitAttachmentStateChangesRequest {
    /// Cluster as the agent was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The attachments.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attachments: Vec<AttachmentStateChange>,
}

/// `SubmitContainerStateChange`: only older agents send it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitContainerStateChangeRequest {
    /// Cluster as the agent was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Name in the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Id in the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<String>,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ContainerChangeStatus>,
    /// Exit code, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Published ports.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub network_bindings: Vec<NetworkBinding>,
}
