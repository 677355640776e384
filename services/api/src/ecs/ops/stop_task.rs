use aws_model::ecs::types::{StopTaskRequest, StopTaskResponse};
use domain::TaskId;
use store::tasks::StopCause;

use crate::ecs::{find, tags, view};
use crate::{Context, Error, Result};

/// Longest `reason` that is kept (T-30).
const REASON_LIMIT: usize = 1024;

/// StopTask: the task's desired status is STOPPED from now on; stopping it again changes nothing (T-34, T-40).
pub async fn stop_task(cx: &Context, input: StopTaskRequest) -> Result<StopTaskResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let not_found = || Error::invalid_parameter("The referenced task was not found.");
    let id = find::task_id(cx, &cluster.name, &input.task)?.ok_or_else(not_found)?;
    let reason = input
        .reason
        .filter(|reason| !reason.is_empty())
        .unwrap_or_else(|| "Task stopped by user".to_owned());
    let cause = StopCause {
        code: "UserInitiated".to_owned(),
        reason: reason.chars().take(REASON_LIMIT).collect(),
    };
    store::tasks::stop(cx.db(), cluster.id, id, &cause, cx.now())
        .await?
        .ok_or_else(not_found)?;
    Ok(StopTaskResponse {
        task: Some(show(cx, &cluster.name, id).await?.ok_or_else(not_found)?),
    })
}

async fn show(cx: &Context, cluster: &str, id: TaskId) -> Result<Option<aws_model::ecs::types::Task>> {
    let Some(shown) = store::tasks::shown(cx.db(), &cx.scope, cluster, &[id])
        .await?
        .pop()
    else {
        return Ok(None);
    };
    let arn = cx.scope.task_arn(cluster, id);
    let mut tags = tags::of(cx, true, std::slice::from_ref(&arn)).await?;
    Ok(Some(view::task::task(
        &cx.scope,
        cluster,
        shown,
        tags::taken(&mut tags, &arn),
    )))
}
