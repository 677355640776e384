use std::collections::BTreeMap;

use aws_model::ecs::types::{
    ContainerInstance, ContainerInstanceField, DescribeContainerInstancesRequest,
    DescribeContainerInstancesResponse, Failure,
};
use chrono::TimeDelta;
use domain::{ContainerInstanceId, InstanceStatus};
use store::instances::InstanceRow;

use crate::ecs::view::container_instance::container_instance;
use crate::ecs::{find, tags};
use crate::{Context, Error, Result};

/// How long a deregistered instance can still be described (I-01).
const INACTIVE_SHOWN: TimeDelta = TimeDelta::hours(1);

/// DescribeContainerInstances. Missing ones are failures, not errors (W-10).
pub async fn describe_container_instances(
    cx: &Context,
    input: DescribeContainerInstancesRequest,
) -> Result<DescribeContainerInstancesResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let named = Named::read(cx, &cluster.name, &input.container_instances, 100)?;
    let since = cx.now() - INACTIVE_SHOWN;
    let mut rows = store::instances::find_many(cx.db(), cluster.id, &named.ids()).await?;
    rows.retain(|row| {
        row.status != InstanceStatus::Inactive || row.deregistered_at.is_some_and(|at| at > since)
    });
    let include = input.include.unwrap_or_default();
    let shown = show(cx, &cluster.name, rows, &include).await?;
    let (container_instances, failures) = named.in_order(shown);
    Ok(DescribeContainerInstancesResponse {
        container_instances: Some(container_instances),
        failures: Some(failures),
    })
}

/// Instances as a request names them, by ids or ARNs.
pub(super) struct Named(Vec<(String, Option<ContainerInstanceId>)>);

impl Named {
    /// Checks the names of instances of one cluster, at most `limit` of them.
    pub(super) fn read(cx: &Context, cluster: &str, texts: &[String], limit: usize) -> Result<Self> {
        if texts.is_empty() {
            return Err(Error::invalid_parameter("Container Instances cannot be empty."));
        }
        if texts.len() > limit {
            return Err(Error::invalid_parameter(format!(
                "containerInstances can have at most {limit} items."
            )));
        }
        let mut named: Vec<(String, Option<ContainerInstanceId>)> = Vec::with_capacity(texts.len());
        for text in texts {
            let id = find::instance_id(cx, cluster, text)?;
            let arn = match (id, text.starts_with("arn:")) {
                (Some(id), _) => cx.scope.container_instance_arn(cluster, id),
                (None, true) => text.clone(),
                (None, false) => format!(
                    "{}/{text}",
                    cx.scope
                        .cluster_arn(cluster)
                        .replace(":cluster/", ":container-instance/")
                ),
            };
            // Named twice: shown once.
            if !named.iter().any(|(known, _)| *known == arn) {
                named.push((arn, id));
            }
        }
        Ok(Self(named))
    }

    pub(super) fn ids(&self) -> Vec<ContainerInstanceId> {
        self.0.iter().filter_map(|(_, id)| *id).collect()
    }

    /// What was found in the order it was asked for, and a failure for each that was not (W-10).
    pub(super) fn in_order(self, found: Vec<ContainerInstance>) -> (Vec<ContainerInstance>, Vec<Failure>) {
        let mut by_arn: BTreeMap<Option<String>, ContainerInstance> = found
            .into_iter()
            .map(|instance| (instance.container_instance_arn.clone(), instance))
            .collect();
        let (mut shown, mut failures) = (Vec::new(), Vec::new());
        for (arn, _) in self.0 {
            let arn = Some(arn);
            match by_arn.remove(&arn) {
                Some(instance) => shown.push(instance),
                None => failures.push(Failure {
                    arn,
                    reason: Some("MISSING".to_owned()),
                    detail: None,
                }),
            }
        }
        (shown, failures)
    }
}

/// Rows of one cluster with their counts and what else was asked for.
pub(super) async fn show(
    cx: &Context,
    cluster: &str,
    rows: Vec<InstanceRow>,
    include: &[ContainerInstanceField],
) -> Result<Vec<ContainerInstance>> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let arns: Vec<String> = rows
        .iter()
        .map(|row| cx.scope.container_instance_arn(cluster, row.instance_id()))
        .collect();
    let counts = store::instances::task_counts(cx.db(), &ids).await?;
    let mut tags = tags::of(cx, include.contains(&ContainerInstanceField::Tags), &arns).await?;
    let with_health = include.contains(&ContainerInstanceField::ContainerInstanceHealth);
    let shown = rows.into_iter().zip(arns).map(|(row, arn)| {
        let counts = counts.get(&row.id).copied().unwrap_or_default();
        container_instance(
            &cx.scope,
            cluster,
            row,
            counts,
            tags::taken(&mut tags, &arn),
            with_health,
        )
    });
    Ok(shown.collect())
}

/// One row, as operations answer that change it.
pub(super) async fn show_one(cx: &Context, cluster: &str, row: InstanceRow) -> Result<ContainerInstance> {
    let mut shown = show(cx, cluster, vec![row], &[ContainerInstanceField::Tags]).await?;
    shown
        .pop()
        .ok_or_else(|| Error::server("one row gave no instance"))
}

/// The error of operations on one instance that is not there.
pub(super) fn not_found(text: &str) -> Error {
    Error::invalid_parameter(format!(
        "Referenced container instance {} not found.",
        text.chars().take(255).collect::<String>()
    ))
}
