use aws_model::ecs::types::{SubmitAttachmentStateChangesRequest, SubmitAttachmentStateChangesResponse};

use super::submit_task_state_change::ACKNOWLEDGMENT;
use crate::ecs::find;
use crate::{Context, Error, Result};

/// SubmitAttachmentStateChanges. No attachments are handed to agents, so none of them is known: acknowledged, as unknown tasks are.
pub async fn submit_attachment_state_changes(
    cx: &Context,
    input: SubmitAttachmentStateChangesRequest,
) -> Result<SubmitAttachmentStateChangesResponse> {
    find::cluster_name(cx, input.cluster.as_deref())?;
    if let Some(other) = input
        .attachments
        .iter()
        .find(|change| change.status != "ATTACHED")
    {
        let text = format!(
            "The status of the attachment {} must be ATTACHED.",
            other.attachment_arn
        );
        return Err(Error::invalid_parameter(text));
    }
    Ok(SubmitAttachmentStateChangesResponse {
        acknowledgment: Some(ACKNOWLEDGMENT.to_owned()),
    })
}
