use std::collections::HashMap;

use aws_model::ecs::types::{DescribeTasksRequest, DescribeTasksResponse, Failure, TaskField};
use domain::TaskId;
use store::tasks::ShownTask;
use uuid::Uuid;

use crate::ecs::{find, tags, view};
use crate::{Context, Error, Result};

/// DescribeTasks: up to 100; what is not there is MISSING (W-10, T-05).
pub async fn describe_tasks(cx: &Context, input: DescribeTasksRequest) -> Result<DescribeTasksResponse> {
    match input.tasks.len() {
        0 => return Err(Error::invalid_parameter("Tasks cannot be empty.")),
        1..=100 => {}
        _ => return Err(Error::invalid_parameter("tasks can have at most 100 items.")),
    }
    let cluster = find::cluster_name(cx, input.cluster.as_deref())?;
    let ids: Vec<Option<TaskId>> = input
        .tasks
        .iter()
        .map(|text| find::task_id(cx, &cluster, text))
        .collect::<Result<_>>()?;
    let known: Vec<TaskId> = ids.iter().flatten().copied().collect();
    let shown = store::tasks::shown(cx.db(), &cx.scope, &cluster, &known).await?;
    if shown.is_empty() {
        // No row says whether the cluster is there.
        find::cluster(cx, Some(&cluster)).await?;
    }
    let wanted = input
        .include
        .is_some_and(|include| include.contains(&TaskField::Tags));
    let arns: Vec<String> = shown
        .iter()
        .map(|shown| cx.scope.task_arn(&cluster, TaskId(shown.task.id)))
        .collect();
    let mut tags = tags::of(cx, wanted, &arns).await?;
    let mut found: HashMap<Uuid, ShownTask> = shown.into_iter().map(|shown| (shown.task.id, shown)).collect();

    let (mut tasks, mut failures) = (Vec::with_capacity(found.len()), Vec::new());
    for (text, id) in input.tasks.into_iter().zip(ids) {
        match id.and_then(|id| found.remove(&id.0)) {
            Some(shown) => {
                let arn = cx.scope.task_arn(&cluster, TaskId(shown.task.id));
                tasks.push(view::task::task(
                    &cx.scope,
                    &cluster,
                    shown,
                    tags::taken(&mut tags, &arn),
                ));
            }
            // Named twice: shown once.
            None if id.is_some_and(|id| arns.iter().any(|arn| arn.ends_with(&id.to_string()))) => {}
            None => failures.push(missing(cx, &cluster, text)),
        }
    }
    Ok(DescribeTasksResponse {
        tasks: Some(tasks),
        failures: Some(failures),
    })
}

fn missing(cx: &Context, cluster: &str, text: String) -> Failure {
    let arn = match text.starts_with("arn:") {
        true => text,
        false => format!(
            "{}/{text}",
            cx.scope.cluster_arn(cluster).replace(":cluster/", ":task/")
        ),
    };
    Failure {
        arn: Some(arn),
        reason: Some("MISSING".to_owned()),
        detail: None,
    }
}
