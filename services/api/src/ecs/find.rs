//! Which cluster, service, task or instance a request names: short name, id or ARN (W-12, A-01).

use domain::{Arn, ContainerInstanceId, TaskId};
use store::clusters::ClusterRow;

use crate::{Context, Error, Result};

/// Short name of the cluster that `cluster` names: a name, an ARN, or `default` when absent (W-12).
///
/// # Errors
/// InvalidParameterException for an ARN of something else; ClusterNotFoundException for one of another account or region.
pub fn cluster_name(cx: &Context, cluster: Option<&str>) -> Result<String> {
    let Some(text) = cluster.filter(|text| !text.is_empty()) else {
        return Ok("default".to_owned());
    };
    if !text.starts_with("arn:") {
        return match domain::names::is_resource_name(text) {
            true => Ok(text.to_owned()),
            false => Err(Error::invalid_parameter(format!(
                "Invalid cluster identifier: {}",
                clip(text)
            ))),
        };
    }
    let arn: Arn = text
        .parse()
        .map_err(|_| Error::invalid_parameter(format!("Invalid cluster ARN: {}", clip(text))))?;
    match (arn.kind(), arn.path().as_slice()) {
        ("cluster", [name]) if arn.service == "ecs" => match arn.is_in(&cx.scope) {
            true => Ok((*name).to_owned()),
            false => Err(Error::cluster_not_found()),
        },
        _ => Err(Error::invalid_parameter(format!(
            "Invalid cluster ARN: {}",
            clip(text)
        ))),
    }
}

/// The ACTIVE cluster that a request is about.
///
/// # Errors
/// ClusterNotFoundException "Cluster not found." (C-08).
pub async fn cluster(cx: &Context, cluster: Option<&str>) -> Result<ClusterRow> {
    let name = cluster_name(cx, cluster)?;
    store::clusters::find_active(cx.db(), &cx.scope, &name)
        .await?
        .ok_or_else(Error::cluster_not_found)
}

/// The last part of an id or of an ARN of `kind` whose cluster part is `cluster`; old ARNs without a cluster are accepted.
///
/// # Errors
/// InvalidParameterException when an ARN names another kind or another cluster. `None`: an ARN of another account or region.
pub fn short_id<'a>(cx: &Context, kind: &str, cluster: &str, text: &'a str) -> Result<Option<&'a str>> {
    if !text.starts_with("arn:") {
        return Ok(Some(text));
    }
    let invalid = || Error::invalid_parameter(format!("Invalid identifier: {}", clip(text)));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    if arn.service != "ecs" || arn.kind() != kind {
        return Err(invalid());
    }
    match arn.path().as_slice() {
        [named, _] if *named != cluster => Err(Error::invalid_parameter(format!(
            "Identifier is for {named}. Your cluster is {cluster}"
        ))),
        [_, _] | [_] => Ok(arn
            .is_in(&cx.scope)
            .then(|| text.rsplit('/').next().unwrap_or(text))),
        _ => Err(invalid()),
    }
}

/// The task id in a short id or ARN; `None` if it cannot name a task of this cluster (then it is MISSING).
pub fn task_id(cx: &Context, cluster: &str, text: &str) -> Result<Option<TaskId>> {
    Ok(short_id(cx, "task", cluster, text)?.and_then(|id| id.parse().ok()))
}

/// The container instance id in a short id or ARN; `None` if it cannot name one of this cluster.
pub fn instance_id(cx: &Context, cluster: &str, text: &str) -> Result<Option<ContainerInstanceId>> {
    Ok(short_id(cx, "container-instance", cluster, text)?.and_then(|id| id.parse().ok()))
}

/// Enough of a client's text to recognise it in an error.
fn clip(text: &str) -> String {
    text.chars().take(255).collect()
}
