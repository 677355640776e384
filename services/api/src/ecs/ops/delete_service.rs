use aws_model::ecs::types::{DeleteServiceRequest, DeleteServiceResponse};
use domain::ServiceStatus;
use store::Wake;
use store::services::changes;

use crate::ecs::view::service;
use crate::ecs::{find, service_input};
use crate::{Context, Error, Result};

/// DeleteService: ACTIVE → DRAINING; the scheduler stops the tasks and makes it INACTIVE (S-10).
pub async fn delete_service(cx: &Context, input: DeleteServiceRequest) -> Result<DeleteServiceResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let name = service_input::service_name(cx, &cluster.name, &input.service)?
        .ok_or_else(Error::service_not_found)?;
    let mut tx = cx.db().begin().await?;
    let mut row = changes::lock(&mut tx, cluster.id, name)
        .await?
        .ok_or_else(Error::service_not_found)?;
    if row.status == ServiceStatus::Draining {
        tx.rollback().await.map_err(Error::server)?;
    } else {
        if row.desired_count > 0 && !row.is_daemon() && input.force != Some(true) {
            return Err(Error::invalid_parameter(
                "The service cannot be stopped while it is scaled above 0.",
            ));
        }
        row.status = ServiceStatus::Draining;
        row.desired_count = 0;
        changes::save(&mut tx, &mut row).await?;
        cx.db().commit(tx, [Wake::Service(row.id)]).await?;
    }
    let service = service::changed(cx, &cluster.name, row).await?;
    Ok(DeleteServiceResponse {
        service: Some(service),
    })
}
