//! ACS messages about network interfaces and volumes that are being attached.

use crate::task::{Attachment, ElasticNetworkInterface};
use crate::wire::null_as_default;
use serde::{Deserialize, Serialize};

/// Network interfaces of an awsvpc task are on their way to the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachTaskNetworkInterfacesMessage {
    /// Echoed in the ack.
    pub message_id: String,
    /// The cluster.
    pub cluster_arn: String,
    /// The host.
    pub container_instance_arn: String,
    /// The task.
    pub task_arn: String,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// How long to wait for them, in milliseconds; more than 0.
    pub wait_timeout_ms: i64,
    /// The interfaces.
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
}

/// A trunk interface of the host is on its way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachInstanceNetworkInterfacesMessage {
    /// Echoed in the ack.
    pub message_id: String,
    /// The cluster.
    pub cluster_arn: String,
    /// The host.
    pub container_instance_arn: String,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// How long to wait for them, in milliseconds; more than 0.
    pub wait_timeout_ms: i64,
    /// The interfaces.
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
}

/// A volume (`amazonebs`) or another attachment is on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmAttachmentMessage {
    /// Echoed in the ack.
    pub message_id: String,
    /// The cluster; a real ARN.
    pub cluster_arn: String,
    /// The host; a real ARN.
    pub container_instance_arn: String,
    /// The task it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_arn: Option<String>,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Milliseconds; absent means [`Self::DEFAULT_WAIT_TIMEOUT_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_timeout_ms: Option<i64>,
    /// The attachment.
    #[serde(deserialize_with = "null_as_default")]
    pub attachment: Attachment,
}

impl ConfirmAttachmentMessage {
    /// What an absent `waitTimeoutMs` means.
    pub const DEFAULT_WAIT_TIMEOUT_MS: i64 = 300_000;
}
