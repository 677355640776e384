use aws_model::ecs::types::{
    ContinueServiceDeploymentRequest, ContinueServiceDeploymentResponse, DeploymentLifecycleHookAction,
};
use domain::ServiceStatus;
use planning::deployment::HookAction;
use store::Wake;
use store::services::changes;
use store::services::hooks::{self, AnswerOutcome};

use super::stop_service_deployment::not_found;
use crate::ecs::service_deployment_arn::named;
use crate::{Context, Error, Result};

/// ContinueServiceDeployment: ends the wait for a PAUSE hook, once (BG-21).
pub async fn continue_service_deployment(
    cx: &Context,
    input: ContinueServiceDeploymentRequest,
) -> Result<ContinueServiceDeploymentResponse> {
    let arn = input.service_deployment_arn;
    let name = named(cx, "service-deployment", &arn)?.ok_or_else(not_found)?;
    let cluster = store::clusters::find_active(cx.db(), &cx.scope, &name.cluster)
        .await?
        .ok_or_else(not_found)?;
    let action = match input.action {
        Some(DeploymentLifecycleHookAction::Rollback) => HookAction::Rollback,
        Some(DeploymentLifecycleHookAction::Continue) | None => HookAction::Continue,
    };
    let mut tx = cx.db().begin().await?;
    let mut service = changes::lock(&mut tx, cluster.id, &name.service)
        .await?
        .ok_or_else(not_found)?;
    let hook = &input.hook_id;
    let outcome = hooks::answer(&mut tx, service.id, &name.id, hook, action, cx.now()).await?;
    match outcome {
        AnswerOutcome::UnknownDeployment => return Err(not_found()),
        AnswerOutcome::UnknownHook => {
            return Err(refused(hook, "does not belong to this service deployment"));
        }
        // Of a service that is being deleted no deployment goes on.
        AnswerOutcome::Answered if service.status == ServiceStatus::Active => {
            changes::save(&mut tx, &mut service).await?;
        }
        AnswerOutcome::Answered | AnswerOutcome::NotWaiting => {
            return Err(refused(hook, "is not awaiting an action"));
        }
    }
    cx.db().commit(tx, [Wake::Service(service.id)]).await?;
    Ok(ContinueServiceDeploymentResponse {
        service_deployment_arn: Some(arn),
    })
}

fn refused(hook: &str, why: &str) -> Error {
    let shown: String = hook.chars().take(255).collect();
    Error::invalid_parameter(format!("The lifecycle hook {shown} {why}."))
}
