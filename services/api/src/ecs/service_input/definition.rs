//! The task definition of a service.

use aws_model::ecs::types::{Compatibility, LaunchType, NetworkMode};
use store::task_definitions::{self, TaskDefinitionRow};

use super::unsupported;
use crate::ecs::task_definition;
use crate::{Context, Error, Result};

/// The ACTIVE definition that `reference` means, which must fit the launch type (TD-02, TD-03).
pub async fn resolve(cx: &Context, reference: &str, launch_type: LaunchType) -> Result<TaskDefinitionRow> {
    let row = task_definition::find_active(cx, reference).await?;
    check(&row, launch_type)?;
    Ok(row)
}

/// The one that the service's PRIMARY deployment has now.
pub async fn current(cx: &Context, service_id: i64) -> Result<Option<TaskDefinitionRow>> {
    let deployments = store::services::deployments::shown(cx.db(), &[service_id]).await?;
    let Some(primary) = deployments.iter().find(|deployment| deployment.is_primary()) else {
        return Ok(None);
    };
    Ok(task_definitions::by_ids(cx.db(), &[primary.task_definition_id])
        .await?
        .pop())
}

fn check(row: &TaskDefinitionRow, launch_type: LaunchType) -> Result<()> {
    let document = &row.document.0;
    if document.network_mode == Some(NetworkMode::Awsvpc) {
        return Err(unsupported("networkMode awsvpc"));
    }
    let needed = match launch_type {
        LaunchType::External => Compatibility::External,
        _ => Compatibility::Ec2,
    };
    let fits = document
        .compatibilities
        .as_ref()
        .is_none_or(|fitting| fitting.contains(&needed));
    if !fits {
        return Err(Error::invalid_parameter(format!(
            "Task definition does not support launch_type {launch_type}."
        )));
    }
    let waiting = document
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.configured_at_launch == Some(true));
    match waiting {
        Some(volume) => {
            let name = volume.name.as_deref().unwrap_or_default();
            Err(unsupported(&format!(
                "volumeConfigurations, which volume {name} of the task definition needs,"
            )))
        }
        None => Ok(()),
    }
}
