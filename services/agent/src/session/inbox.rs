//! What the agent does with each message of the ACS websocket, and what it answers (sections 2.4 to 2.7).

use std::sync::Arc;

use agent_protocol::acs::{
    AckRequest, HeartbeatAckRequest, IamRoleCredentialsAckRequest, IamRoleCredentialsMessage, NackRequest,
    PayloadMessage, TaskManifestMessage, TaskStopVerificationAck, TaskStopVerificationMessage, UpdateMessage,
};
use agent_protocol::task::DesiredStatus;
use agent_protocol::{AcsFromAgent, AcsToAgent, RoleCredentials};
use futures::future::{BoxFuture, FutureExt, join_all, ready};

use crate::engine::Engine;

type Answer = BoxFuture<'static, Vec<AcsFromAgent>>;

/// Takes messages for one container instance.
pub struct Inbox {
    engine: Arc<Engine>,
    container_instance_arn: String,
    /// Greatest seqNum or timeline seen.
    sequence: i64,
    /// The manifest whose stop candidates may be confirmed.
    manifest: Option<String>,
}

impl Inbox {
    pub fn new(engine: Arc<Engine>, container_instance_arn: String, sequence: i64) -> Self {
        Self {
            engine,
            container_instance_arn,
            sequence,
            manifest: None,
        }
    }

    /// Takes one message. The answer, if any, is ready when what it acknowledges is on disk.
    pub fn take(&mut self, message: AcsToAgent) -> Option<Answer> {
        match message {
            AcsToAgent::Heartbeat(heartbeat) => {
                self.engine.host().heartbeat.notify_one();
                let message_id = heartbeat.message_id?;
                Some(now(vec![AcsFromAgent::HeartbeatAck(HeartbeatAckRequest {
                    message_id,
                })]))
            }
            AcsToAgent::Payload(payload) => self.payload(payload),
            AcsToAgent::IamRoleCredentials(message) => self.credentials(message),
            AcsToAgent::TaskManifest(manifest) => self.manifest(manifest),
            AcsToAgent::TaskStopVerificationAck(ack) => self.confirmed_stops(ack),
            AcsToAgent::StageUpdate(update) | AcsToAgent::PerformUpdate(update) => {
                Some(refuse_update(update))
            }
            // Nothing of this kind is among the declared capabilities; without an ack the server knows.
            AcsToAgent::AttachTaskNetworkInterfaces(_)
            | AcsToAgent::AttachInstanceNetworkInterfaces(_)
            | AcsToAgent::ConfirmAttachment(_) => {
                tracing::warn!(kind = message.message_type(), "attachments are not supported");
                None
            }
            AcsToAgent::Close(_) | AcsToAgent::Error(_) | AcsToAgent::Unknown { .. } => {
                tracing::info!(kind = message.message_type(), "passed over");
                None
            }
        }
    }

    fn payload(&mut self, payload: PayloadMessage) -> Option<Answer> {
        if !self.is_for_us(&payload.container_instance_arn) {
            return None;
        }
        self.sequence = self.sequence.max(payload.seq_num.unwrap_or_default());
        let message_id = payload.message_id;
        let mut answer = vec![AcsFromAgent::Ack(AckRequest {
            cluster: payload.cluster_arn,
            container_instance: payload.container_instance_arn,
            message_id: message_id.clone(),
        })];
        let roles = |task: &agent_protocol::Task| {
            [
                task.role_credentials.clone(),
                task.execution_role_credentials.clone(),
            ]
        };
        let keys = payload.tasks.iter().flat_map(roles).flatten();
        answer.extend(keys.map(|keys| credentials_ack(&message_id, &keys)));
        let on_disk = self.engine.accept(payload.tasks);
        Some(on_disk.map(|()| answer).boxed())
    }

    fn credentials(&self, message: IamRoleCredentialsMessage) -> Option<Answer> {
        let ack = credentials_ack(&message.message_id, &message.role_credentials);
        let task = message.task_arn.clone();
        if self.engine.renew_credentials(message) {
            return Some(now(vec![ack]));
        }
        tracing::warn!(task, "credentials of a task that is not known");
        None
    }

    fn manifest(&mut self, manifest: TaskManifestMessage) -> Option<Answer> {
        if !self.is_for_us(&manifest.container_instance_arn) {
            return None;
        }
        if manifest.timeline <= self.sequence {
            tracing::info!(
                timeline = manifest.timeline,
                known = self.sequence,
                "an old task manifest is passed over"
            );
            return None;
        }
        self.sequence = manifest.timeline;
        self.manifest = Some(manifest.message_id.clone());
        let stop_candidates = self.engine.not_listed(&manifest);
        let mut answer = vec![AcsFromAgent::Ack(AckRequest {
            cluster: manifest.cluster_arn,
            container_instance: manifest.container_instance_arn,
            message_id: manifest.message_id.clone(),
        })];
        if !stop_candidates.is_empty() {
            let message_id = manifest.message_id;
            let verification = TaskStopVerificationMessage {
                message_id,
                stop_candidates,
            };
            answer.push(AcsFromAgent::TaskStopVerification(verification));
        }
        let (host, timeline) = (self.engine.host().clone(), manifest.timeline);
        let answer = async move {
            match host
                .update_identity(|identity| identity.manifest_timeline = timeline)
                .await
            {
                Ok(()) => answer,
                Err(error) => {
                    tracing::error!(%error, "the task manifest could not be noted");
                    Vec::new()
                }
            }
        };
        Some(answer.boxed())
    }

    fn confirmed_stops(&mut self, ack: TaskStopVerificationAck) -> Option<Answer> {
        if self
            .manifest
            .take_if(|manifest| *manifest == ack.message_id)
            .is_none()
        {
            tracing::info!(
                message = ack.message_id,
                "stops of another task manifest are passed over"
            );
            return None;
        }
        let engine = self.engine.clone();
        let stops = ack
            .stop_tasks
            .into_iter()
            .filter(|task| task.desired_status == DesiredStatus::Stopped);
        let arns: Vec<String> = stops.map(|task| task.task_arn).collect();
        let stopped = async move {
            join_all(arns.iter().map(|arn| engine.stop(arn))).await;
            Vec::new()
        };
        Some(stopped.boxed())
    }

    fn is_for_us(&self, container_instance_arn: &str) -> bool {
        let ours = container_instance_arn == self.container_instance_arn;
        if !ours {
            tracing::warn!(
                container_instance_arn,
                "dropped: a message for another container instance"
            );
        }
        ours
    }
}

fn now(answer: Vec<AcsFromAgent>) -> Answer {
    ready(answer).boxed()
}

fn credentials_ack(message_id: &str, keys: &RoleCredentials) -> AcsFromAgent {
    AcsFromAgent::IamRoleCredentialsAck(IamRoleCredentialsAckRequest {
        message_id: message_id.to_owned(),
        expiration: keys.expiration.clone(),
        credentials_id: keys.credentials_id.clone(),
    })
}

fn refuse_update(update: UpdateMessage) -> Answer {
    now(vec![AcsFromAgent::Nack(NackRequest {
        cluster: update.cluster_arn,
        container_instance: update.container_instance_arn,
        message_id: update.message_id,
        reason: "Updates are disabled".to_owned(),
    })])
}
