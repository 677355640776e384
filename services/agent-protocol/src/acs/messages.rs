//! Bodies of ACS messages, except attachments.

use crate::credentials::{RoleCredentials, RoleType};
use crate::task::{DesiredStatus, Task};
use crate::wire::null_as_default;
use serde::{Deserialize, Serialize};

/// Proof of life from the control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatMessage {
    /// Echoed in the [`HeartbeatAckRequest`]; TCS heartbeats have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Whether the control plane is well.
    #[serde(default, deserialize_with = "null_as_default")]
    pub healthy: bool,
}

/// Tasks to start (`RUNNING`, full task) and to stop (`STOPPED`, the ARN is enough).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadMessage {
    /// Echoed as `cluster` in the ack.
    pub cluster_arn: String,
    /// Echoed as `containerInstance` in the ack.
    pub container_instance_arn: String,
    /// Unique per message; the ack carries it.
    pub message_id: String,
    /// One increasing counter per container instance, shared with the manifest's timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq_num: Option<i64>,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// As `seqNum`; agents of today ignore it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<i64>,
    /// Best one task per message: one bad task leaves the whole message without an ack.
    #[serde(default, deserialize_with = "null_as_default")]
    pub tasks: Vec<Task>,
}

/// Renewed credentials for a task the agent knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamRoleCredentialsMessage {
    /// Echoed in the ack.
    pub message_id: String,
    /// The task.
    pub task_arn: String,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Which of its roles.
    pub role_type: RoleType,
    /// The new keys.
    pub role_credentials: RoleCredentials,
}

/// One task in a manifest, in stop candidates or in their confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskIdentifier {
    /// The task.
    pub task_arn: String,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// What the control plane wants of it. Always sent: the official agent crashes without it.
    pub desired_status: DesiredStatus,
}

/// Everything that should run on the host. Obsolete ones (timeline not greater than the last) are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManifestMessage {
    /// Echoed in the ack and in the stop candidates.
    pub message_id: String,
    /// The cluster.
    pub cluster_arn: String,
    /// The host.
    pub container_instance_arn: String,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// Greater than every `seqNum` and `timeline` sent before to this container instance.
    pub timeline: i64,
    /// All tasks of the host.
    #[serde(default, deserialize_with = "null_as_default")]
    pub tasks: Vec<TaskIdentifier>,
}

/// Confirms stop candidates; carries the `messageId` of the manifest and counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStopVerificationAck {
    /// The manifest's message id.
    pub message_id: String,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// Those that really have to stop.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stop_tasks: Vec<TaskIdentifier>,
}

/// Where a new agent lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateInfo {
    /// URL of the archive.
    #[serde(default, deserialize_with = "null_as_default")]
    pub location: String,
    /// SHA-256 of the archive. Always sent: the official agent crashes without it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub signature: String,
}

/// `StageUpdateMessage` and `PerformUpdateMessage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMessage {
    /// Echoed in the ack or nack.
    pub message_id: String,
    /// The cluster.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster_arn: String,
    /// The host.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance_arn: String,
    /// The new agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_info: Option<UpdateInfo>,
}

/// The control plane is about to close the socket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseMessage {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The control plane could not work with something the agent sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// What.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A message was taken and stored (for a payload: before any image is pulled).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckRequest {
    /// The message's `clusterArn`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// The message's `containerInstanceArn`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance: String,
    /// The message.
    pub message_id: String,
}

/// An update was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NackRequest {
    /// The message's `clusterArn`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// The message's `containerInstanceArn`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_instance: String,
    /// The message.
    pub message_id: String,
    /// Why it was refused.
    #[serde(default, deserialize_with = "null_as_default")]
    pub reason: String,
}

/// Answer to a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatAckRequest {
    /// The heartbeat.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message_id: String,
}

/// A set of credentials was taken: from a payload or from an [`IamRoleCredentialsMessage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamRoleCredentialsAckRequest {
    /// The message that carried it.
    pub message_id: String,
    /// The set's expiration, as it came.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expiration: String,
    /// The set.
    pub credentials_id: String,
}

/// Tasks that run on the host but were not in the manifest as `RUNNING`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStopVerificationMessage {
    /// The manifest's message id.
    pub message_id: String,
    /// The tasks, each with `STOPPED`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stop_candidates: Vec<TaskIdentifier>,
}
