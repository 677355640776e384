//! Tags that a service's tasks start with (TG-04, TG-05).

use std::collections::BTreeMap;

use aws_model::ecs::types::PropagateTags;

use super::record::ServiceRow;
use crate::placement::InCluster;
use crate::tags::{self, Tag};
use crate::task_definitions::TaskDefinitionRow;
use crate::{Db, Result};

/// The tags of tasks that start now. Later changes touch later tasks only (TG-05).
pub async fn of_tasks(
    db: &Db,
    cluster: &InCluster,
    service: &ServiceRow,
    definition: &TaskDefinitionRow,
) -> Result<Vec<Tag>> {
    let scope = &cluster.scope;
    let from = match service.spec.propagate_tags {
        PropagateTags::None => None,
        PropagateTags::Service => Some(scope.service_arn(&cluster.name, &service.name)),
        PropagateTags::TaskDefinition => Some(definition.arn(scope)),
    };
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    if let Some(arn) = from {
        let propagated = tags::of(db, scope, std::slice::from_ref(&arn)).await?;
        all.extend(propagated.into_values().flatten().map(|tag| (tag.key, tag.value)));
    }
    if service.spec.enable_ecs_managed_tags {
        all.insert("aws:ecs:clusterName".to_owned(), cluster.name.clone());
        all.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
    }
    Ok(all.into_iter().map(|(key, value)| Tag { key, value }).collect())
}
