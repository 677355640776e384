use aws_model::ecs::types::{DesiredStatus as ApiDesired, ListTasksRequest, ListTasksResponse};
use domain::{DesiredStatus, TaskId};
use store::tasks::ListFilter;
use uuid::Uuid;

use crate::ecs::paging::Page;
use crate::ecs::{cluster_input, find};
use crate::{Context, Error, Result};

/// ListTasks: ARNs by desired status, RUNNING by default; PENDING gives nothing (T-02, T-21, W-11).
pub async fn list_tasks(cx: &Context, input: ListTasksRequest) -> Result<ListTasksResponse> {
    let page = Page::new("ListTasks", input.max_results, input.next_token.as_deref(), 100)?;
    let others = [&input.container_instance, &input.family, &input.service_name]
        .iter()
        .any(|filter| filter.is_some());
    if input.started_by.is_some() && (others || input.launch_type.is_some()) {
        return Err(Error::invalid_parameter(
            "startedBy can not be used together with other filters.",
        ));
    }
    if input.daemon_name.is_some() {
        return Err(cluster_input::not_yet("daemonName"));
    }
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let desired = match input.desired_status {
        None | Some(ApiDesired::Running) => Some(DesiredStatus::Running),
        Some(ApiDesired::Stopped) => Some(DesiredStatus::Stopped),
        Some(ApiDesired::Pending) => None,
    };
    let mut filter = ListFilter {
        family: input.family,
        started_by: input.started_by,
        launch_type: input.launch_type.map(|kind| kind.as_str().to_owned()),
        ..ListFilter::default()
    };
    if let Some(text) = &input.container_instance {
        let id = find::instance_id(cx, &cluster.name, text)?;
        // An id that names nothing has no tasks.
        filter.instance = Some(id.map_or(Uuid::nil(), |id| id.uuid()));
    }
    if let Some(text) = &input.service_name {
        let name =
            find::short_id(cx, "service", &cluster.name, text)?.ok_or_else(Error::service_not_found)?;
        let service = store::services::find(cx.db(), cluster.id, name).await?;
        filter.service = Some(service.ok_or_else(Error::service_not_found)?.id);
    }
    let after = page.after::<Uuid>()?;
    let ids = match desired {
        Some(desired) => {
            store::tasks::list(cx.db(), cluster.id, desired, &filter, after, page.fetch()).await?
        }
        None => Vec::new(),
    };
    let (ids, next_token) = page.cut(ids, |id| *id);
    let arns = ids
        .into_iter()
        .map(|id| cx.scope.task_arn(&cluster.name, TaskId(id)))
        .collect();
    Ok(ListTasksResponse {
        task_arns: Some(arns),
        next_token,
    })
}
