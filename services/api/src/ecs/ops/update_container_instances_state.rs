use aws_model::ecs::types::{
    ContainerInstanceStatus, UpdateContainerInstancesStateRequest, UpdateContainerInstancesStateResponse,
};
use domain::InstanceStatus;

use super::describe_container_instances::{Named, show};
use crate::ecs::find;
use crate::{Context, Error, Result};

/// UpdateContainerInstancesState: ACTIVE or DRAINING, at most 10 instances (I-09). Services move their tasks afterwards (DR-01).
pub async fn update_container_instances_state(
    cx: &Context,
    input: UpdateContainerInstancesStateRequest,
) -> Result<UpdateContainerInstancesStateResponse> {
    let status = match input.status {
        ContainerInstanceStatus::Active => InstanceStatus::Active,
        ContainerInstanceStatus::Draining => InstanceStatus::Draining,
        other => {
            let text = format!("Container instances can be set to ACTIVE or DRAINING, not to {other}.");
            return Err(Error::invalid_parameter(text));
        }
    };
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let named = Named::read(cx, &cluster.name, &input.container_instances, 10)?;
    let rows = store::instances::set_status(cx.db(), cluster.id, &named.ids(), status).await?;
    let (container_instances, failures) = named.in_order(show(cx, &cluster.name, rows, &[]).await?);
    Ok(UpdateContainerInstancesStateResponse {
        container_instances: Some(container_instances),
        failures: Some(failures),
    })
}
