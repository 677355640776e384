use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{UpdateContainerAgentRequest, UpdateContainerAgentResponse};
use domain::InstanceStatus;

use super::describe_container_instances::not_found;
use crate::ecs::find;
use crate::{Context, Error, Result};

/// UpdateContainerAgent: Berth distributes no agents, so there is never an update (I-13). Hosts are updated by their operators.
pub async fn update_container_agent(
    cx: &Context,
    input: UpdateContainerAgentRequest,
) -> Result<UpdateContainerAgentResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let text = input.container_instance;
    let id = find::instance_id(cx, &cluster.name, &text)?.ok_or_else(|| not_found(&text))?;
    let row = store::instances::find(cx.db(), cluster.id, id).await?;
    let row = row
        .filter(|row| row.status != InstanceStatus::Inactive)
        .ok_or_else(|| not_found(&text))?;
    Err(match row.agent_version {
        None => Error::new(
            ErrorCode::MissingVersionException,
            "Amazon ECS is unable to determine the current version of the Amazon ECS container agent on the container instance.",
        ),
        Some(_) => Error::new(
            ErrorCode::NoUpdateAvailableException,
            "There is no update available for this Amazon ECS container agent.",
        ),
    })
}
