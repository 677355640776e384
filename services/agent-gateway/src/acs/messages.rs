//! What a session sends, besides heartbeats. Pure.

use agent_protocol::acs::{
    PayloadMessage, TaskIdentifier, TaskManifestMessage, TaskStopVerificationAck, TaskStopVerificationMessage,
};
use agent_protocol::task::DesiredStatus;
use agent_protocol::{AcsToAgent, Task};
use chrono::{DateTime, Utc};
use domain::TaskId;
use uuid::Uuid;

use crate::entry::task_id;
use crate::payload::Host;

/// All tasks that should run on the host (2.7). Its number is its message id, too.
pub(super) fn manifest(host: &Host, timeline: i64, tasks: &[Uuid], at: DateTime<Utc>) -> AcsToAgent {
    let identifier = |task: &Uuid| TaskIdentifier {
        task_arn: host.task_arn(TaskId(*task)),
        task_cluster_arn: Some(host.cluster_arn()),
        desired_status: DesiredStatus::Running,
    };
    AcsToAgent::TaskManifest(TaskManifestMessage {
        message_id: timeline.to_string(),
        cluster_arn: host.cluster_arn(),
        container_instance_arn: host.instance_arn(),
        generated_at: Some(at.timestamp_millis()),
        timeline,
        tasks: tasks.iter().map(identifier).collect(),
    })
}

/// One task to start or to stop: a bad one must not hold up others (2.6). Its number is its message id, too.
pub(super) fn payload(host: &Host, number: i64, task: Task, at: DateTime<Utc>) -> AcsToAgent {
    AcsToAgent::Payload(PayloadMessage {
        cluster_arn: host.cluster_arn(),
        container_instance_arn: host.instance_arn(),
        message_id: number.to_string(),
        seq_num: Some(number),
        generated_at: Some(at.timestamp_millis()),
        timeline: None,
        tasks: vec![task],
    })
}

/// The candidates that really should not run (2.7); `None` if all of them should.
pub(super) fn confirmed_stops(
    asked: TaskStopVerificationMessage,
    should_run: &[Uuid],
    at: DateTime<Utc>,
) -> Option<AcsToAgent> {
    let runs = |arn: &str| task_id(arn).is_some_and(|id| should_run.contains(&id.uuid()));
    let candidates = asked.stop_candidates.into_iter();
    let stop_tasks: Vec<TaskIdentifier> = candidates
        .filter(|candidate| !runs(&candidate.task_arn))
        .map(|candidate| TaskIdentifier {
            desired_status: DesiredStatus::Stopped,
            ..candidate
        })
        .collect();
    (!stop_tasks.is_empty()).then(|| {
        AcsToAgent::TaskStopVerificationAck(TaskStopVerificationAck {
            message_id: asked.message_id,
            generated_at: Some(at.timestamp_millis()),
            stop_tasks,
        })
    })
}
