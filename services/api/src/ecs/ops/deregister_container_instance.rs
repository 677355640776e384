use aws_model::ecs::types::{DeregisterContainerInstanceRequest, DeregisterContainerInstanceResponse};
use store::instances::Deregistered;

use super::describe_container_instances::{not_found, show_one};
use crate::ecs::find;
use crate::{Context, Error, Result};

/// DeregisterContainerInstance (I-08). The agent learns of it when its next connection is refused.
pub async fn deregister_container_instance(
    cx: &Context,
    input: DeregisterContainerInstanceRequest,
) -> Result<DeregisterContainerInstanceResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let text = input.container_instance;
    let id = find::instance_id(cx, &cluster.name, &text)?.ok_or_else(|| not_found(&text))?;
    let force = input.force.unwrap_or(false);
    let within = (cluster.id, cluster.name.as_str());
    match store::instances::deregister(cx.db(), &cx.scope, within, id, force, cx.now()).await? {
        Deregistered::Done(row) => {
            let shown = show_one(cx, &cluster.name, *row).await?;
            Ok(DeregisterContainerInstanceResponse {
                container_instance: Some(shown),
            })
        }
        Deregistered::RunningTasks => Err(Error::invalid_parameter("Found running tasks on the instance.")),
        Deregistered::Missing => Err(not_found(&text)),
    }
}
