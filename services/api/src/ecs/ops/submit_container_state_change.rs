use aws_model::ecs::types::{SubmitContainerStateChangeRequest, SubmitContainerStateChangeResponse};
use store::task_reports::{ContainerReport, TaskReport};

use super::submit_task_state_change::{ACKNOWLEDGMENT, apply, bindings, container_status};
use crate::{Context, Result};

/// SubmitContainerStateChange: only older agents send it.
pub async fn submit_container_state_change(
    cx: &Context,
    input: SubmitContainerStateChangeRequest,
) -> Result<SubmitContainerStateChangeResponse> {
    let container = ContainerReport {
        name: input.container_name.unwrap_or_default(),
        status: container_status(input.status.as_deref())?,
        exit_code: input.exit_code,
        reason: input.reason,
        runtime_id: input.runtime_id,
        image_digest: None,
        network_bindings: bindings(input.network_bindings)?,
    };
    let report = TaskReport {
        containers: vec![container],
        ..TaskReport::default()
    };
    apply(cx, input.cluster.as_deref(), input.task.as_deref(), &report).await?;
    Ok(SubmitContainerStateChangeResponse {
        acknowledgment: Some(ACKNOWLEDGMENT.to_owned()),
    })
}
