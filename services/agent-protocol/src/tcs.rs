//! TCS, the agent's telemetry websocket.
//!
//! Frames to the agent are plain JSON envelopes. Frames from the agent carry a block of signed headers
//! before the JSON ([`TcsFrame`]).

mod frame;
mod health;
mod metrics;

pub use frame::TcsFrame;
pub use health::{
    ContainerHealth, HealthMetadata, HealthStatus, InstanceStatus, InstanceStatusMetadata,
    InstanceStatusValue, PublishHealthRequest, PublishInstanceStatusRequest, TaskHealth,
};
pub use metrics::{
    ContainerMetric, CounterStatsSet, MetricsMetadata, NetworkStatsSet, PublishMetricsRequest,
    RestartStatsSet, StatsSet, StorageStatsSet, TaskMetric,
};

use crate::acs::HeartbeatMessage;
use crate::wire::{DecodeError, envelope};
use serde::{Deserialize, Serialize};

/// An acknowledgement or an error: a line of text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextMessage {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Opens a telemetry session; agents of today never send it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartTelemetrySessionRequest {
    /// The cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_instance: Option<String>,
}

envelope! {
    /// What an agent sends on TCS.
    pub enum TcsFromAgent {
        /// CPU, memory, network and storage of containers; every 20 s, also when idle.
        PublishMetrics(PublishMetricsRequest) = "PublishMetricsRequest",
        /// Health of containers; the only way it reaches the control plane.
        PublishHealth(PublishHealthRequest) = "PublishHealthRequest",
        /// Health of the host's container runtime.
        PublishInstanceStatus(PublishInstanceStatusRequest) = "PublishInstanceStatusRequest",
        /// Opens a session.
        StartTelemetrySession(StartTelemetrySessionRequest) = "StartTelemetrySessionRequest",
    }
}

impl TcsFromAgent {
    /// Reads one text frame as it came from the socket: header block (if any) and envelope.
    pub fn decode_frame(text: &str) -> Result<Self, DecodeError> {
        Self::decode(TcsFrame::split(text).body)
    }

    /// The acknowledgement that keeps the agent's idle timer armed; `None` where none is due.
    pub fn ack(&self) -> Option<TcsToAgent> {
        let text = TextMessage {
            message: Some("ok".to_owned()),
        };
        match self {
            Self::PublishMetrics(_) => Some(TcsToAgent::AckPublishMetric(text)),
            Self::PublishHealth(_) => Some(TcsToAgent::AckPublishHealth(text)),
            Self::PublishInstanceStatus(_) => Some(TcsToAgent::AckPublishInstanceStatus(text)),
            Self::StartTelemetrySession(_) | Self::Unknown { .. } => None,
        }
    }
}

envelope! {
    /// What the control plane sends to an agent on TCS.
    pub enum TcsToAgent {
        /// Metrics were taken.
        AckPublishMetric(TextMessage) = "AckPublishMetric",
        /// Health was taken.
        AckPublishHealth(TextMessage) = "AckPublishHealth",
        /// Instance status was taken.
        AckPublishInstanceStatus(TextMessage) = "AckPublishInstanceStatus",
        /// Proof of life.
        Heartbeat(HeartbeatMessage) = "HeartbeatMessage",
        /// Asks to stop telemetry.
        StopTelemetrySession(TextMessage) = "StopTelemetrySessionMessage",
        /// The control plane failed.
        ServerException(TextMessage) = "ServerException",
        /// The frame was not understood.
        BadRequestException(TextMessage) = "BadRequestException",
        /// A resource in the frame is unknown.
        ResourceValidationException(TextMessage) = "ResourceValidationException",
        /// A member of the frame is wrong.
        InvalidParameterException(TextMessage) = "InvalidParameterException",
    }
}
