use aws_model::ecs::types::{ContinueServiceDeploymentRequest, ContinueServiceDeploymentResponse};
use store::services::service_deployments;

use super::stop_service_deployment::not_found;
use crate::ecs::service_deployment_arn::{self, named};
use crate::{Context, Error, Result};

/// ContinueServiceDeployment: ends the wait of a PAUSE hook (BG-21). Services of this version have no hooks, so none ever waits.
pub async fn continue_service_deployment(
    cx: &Context,
    input: ContinueServiceDeploymentRequest,
) -> Result<ContinueServiceDeploymentResponse> {
    let name = named(cx, "service-deployment", &input.service_deployment_arn)?.ok_or_else(not_found)?;
    let services = service_deployment_arn::services(cx, std::slice::from_ref(&name)).await?;
    let ids: Vec<i64> = services.values().map(|service| service.id).collect();
    let found = service_deployments::find(cx.db(), &ids, std::slice::from_ref(&name.id)).await?;
    match found.is_empty() {
        true => Err(not_found()),
        false => Err(Error::invalid_parameter(format!(
            "The lifecycle hook {} of this service deployment is not waiting.",
            input.hook_id.chars().take(255).collect::<String>()
        ))),
    }
}
