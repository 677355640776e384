//! ACS, the agent's control websocket: `{"type","message"}` text frames, both directions.

mod attachment;
mod messages;

pub use attachment::{
    AttachInstanceNetworkInterfacesMessage, AttachTaskNetworkInterfacesMessage, ConfirmAttachmentMessage,
};
pub use messages::{
    AckRequest, CloseMessage, ErrorMessage, HeartbeatAckRequest, HeartbeatMessage,
    IamRoleCredentialsAckRequest, IamRoleCredentialsMessage, NackRequest, PayloadMessage, TaskIdentifier,
    TaskManifestMessage, TaskStopVerificationAck, TaskStopVerificationMessage, UpdateInfo, UpdateMessage,
};

use crate::wire::envelope;

envelope! {
    /// What the control plane sends to an agent on ACS.
    pub enum AcsToAgent {
        /// Proof of life; send one at least every 30 s.
        Heartbeat(HeartbeatMessage) = "HeartbeatMessage",
        /// Tasks to start and to stop.
        Payload(PayloadMessage) = "PayloadMessage",
        /// Renewed credentials of one role of a task that the agent knows.
        IamRoleCredentials(IamRoleCredentialsMessage) = "IAMRoleCredentialsMessage",
        /// Everything that should run on the host.
        TaskManifest(TaskManifestMessage) = "TaskManifestMessage",
        /// Which of the stop candidates really have to stop.
        TaskStopVerificationAck(TaskStopVerificationAck) = "TaskStopVerificationAck",
        /// Network interfaces of an awsvpc task are on their way.
        AttachTaskNetworkInterfaces(AttachTaskNetworkInterfacesMessage) = "AttachTaskNetworkInterfacesMessage",
        /// A trunk interface of the host is on its way.
        AttachInstanceNetworkInterfaces(AttachInstanceNetworkInterfacesMessage) =
            "AttachInstanceNetworkInterfacesMessage",
        /// A volume or another attachment is on its way.
        ConfirmAttachment(ConfirmAttachmentMessage) = "ConfirmAttachmentMessage",
        /// Download a new agent.
        StageUpdate(UpdateMessage) = "StageUpdateMessage",
        /// Switch to the downloaded agent.
        PerformUpdate(UpdateMessage) = "PerformUpdateMessage",
        /// The control plane is about to close; agents only log it.
        Close(CloseMessage) = "CloseMessage",
        /// The control plane complains; agents only log it.
        Error(ErrorMessage) = "ErrorMessage",
    }
}

envelope! {
    /// What an agent sends on ACS.
    pub enum AcsFromAgent {
        /// A message was taken and stored.
        Ack(AckRequest) = "AckRequest",
        /// An update was refused.
        Nack(NackRequest) = "NackRequest",
        /// Answer to a heartbeat.
        HeartbeatAck(HeartbeatAckRequest) = "HeartbeatAckRequest",
        /// A set of credentials was taken.
        IamRoleCredentialsAck(IamRoleCredentialsAckRequest) = "IAMRoleCredentialsAckRequest",
        /// Tasks that run but were not in the manifest.
        TaskStopVerification(TaskStopVerificationMessage) = "TaskStopVerificationMessage",
    }
}
