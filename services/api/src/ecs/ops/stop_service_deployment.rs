use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{
    StopServiceDeploymentRequest, StopServiceDeploymentResponse, StopServiceDeploymentStopType,
};
use store::Wake;
use store::services::service_deployments::StopOutcome;
use store::services::{changes, service_deployments};

use crate::ecs::service_deployment_arn::named;
use crate::{Context, Error, Result};

/// StopServiceDeployment: goes back to what was before unless told to leave things as they are; asking twice is asking once (SD-05).
pub async fn stop_service_deployment(
    cx: &Context,
    input: StopServiceDeploymentRequest,
) -> Result<StopServiceDeploymentResponse> {
    let arn = input.service_deployment_arn;
    let name = named(cx, "service-deployment", &arn)?.ok_or_else(not_found)?;
    let cluster = store::clusters::find_active(cx.db(), &cx.scope, &name.cluster)
        .await?
        .ok_or_else(not_found)?;
    let rollback = input.stop_type != Some(StopServiceDeploymentStopType::Abort);
    let mut tx = cx.db().begin().await?;
    let mut service = changes::lock(&mut tx, cluster.id, &name.service)
        .await?
        .ok_or_else(not_found)?;
    match service_deployments::request_stop(&mut tx, service.id, &name.id, rollback, cx.now()).await? {
        StopOutcome::Unknown => return Err(not_found()),
        StopOutcome::Finished => {
            let text = "The service deployment can't be stopped because it is already complete.";
            return Err(Error::conflict(text, vec![arn]));
        }
        StopOutcome::Requested => changes::save(&mut tx, &mut service).await?,
    }
    cx.db().commit(tx, [Wake::Service(service.id)]).await?;
    Ok(StopServiceDeploymentResponse {
        service_deployment_arn: Some(arn),
    })
}

pub(super) fn not_found() -> Error {
    Error::new(
        ErrorCode::ServiceDeploymentNotFoundException,
        "Service deployment not found.",
    )
}
