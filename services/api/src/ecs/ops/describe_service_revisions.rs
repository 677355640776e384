use aws_model::ecs::types::{
    ContainerImage, DescribeServiceRevisionsRequest, DescribeServiceRevisionsResponse, ResolvedConfiguration,
    ServiceRevision, ServiceRevisionLoadBalancer,
};
use store::services::{DeploymentRow, deployments};

use crate::ecs::service_deployment_arn::{self, Named, missing, named};
use crate::{Context, Error, Result};

/// ARNs of one call (section 27).
const LIMIT: usize = 20;

/// DescribeServiceRevisions: what tasks of each run with (SD-01). Missing ones are failures, not errors (W-10).
pub async fn describe_service_revisions(
    cx: &Context,
    input: DescribeServiceRevisionsRequest,
) -> Result<DescribeServiceRevisionsResponse> {
    let arns = input.service_revision_arns;
    if arns.is_empty() || arns.len() > LIMIT {
        return Err(Error::invalid_parameter(format!(
            "serviceRevisionArns must have between 1 and {LIMIT} items."
        )));
    }
    let mut names = Vec::with_capacity(arns.len());
    for arn in &arns {
        names.extend(named(cx, "service-revision", arn)?);
    }
    let services = service_deployment_arn::services(cx, &names).await?;
    let service_ids: Vec<i64> = services.values().map(|row| row.id).collect();
    let numbers: Vec<i64> = names.iter().filter_map(|name| name.id.parse().ok()).collect();
    let rows = deployments::of_revisions(cx.db(), &service_ids, &numbers).await?;

    let mut shown: Vec<ServiceRevision> = Vec::new();
    let mut failures = Vec::new();
    for arn in &arns {
        let name = names.iter().find(|name| name.arn == *arn);
        let row = name.and_then(|name| {
            let service = services.get(&(name.cluster.clone(), name.service.clone()))?;
            let number: i64 = name.id.parse().ok()?;
            rows.iter()
                .find(|row| row.service_id == service.id && row.revision_number() == number)
        });
        match name.zip(row) {
            Some((name, row))
                if shown
                    .iter()
                    .all(|other| other.service_revision_arn.as_ref() != Some(arn)) =>
            {
                shown.push(revision(cx, name, row).await?);
            }
            Some(_) => {}
            None => failures.push(missing(arn)),
        }
    }
    Ok(DescribeServiceRevisionsResponse {
        service_revisions: Some(shown),
        failures: Some(failures),
    })
}

async fn revision(cx: &Context, name: &Named, row: &DeploymentRow) -> Result<ServiceRevision> {
    Ok(ServiceRevision {
        service_revision_arn: Some(name.arn.clone()),
        service_arn: Some(cx.scope.service_arn(&name.cluster, &name.service)),
        cluster_arn: Some(cx.scope.cluster_arn(&name.cluster)),
        task_definition: Some(cx.scope.task_definition_arn(&row.family, row.revision)),
        launch_type: Some(row.spec.0.launch_type),
        container_images: Some(images(cx, row).await?),
        load_balancers: Some(row.spec.configured_load_balancers()),
        resolved_configuration: Some(resolved(row)),
        guard_duty_enabled: Some(false),
        created_at: Some(row.created_at.into()),
        ..ServiceRevision::default()
    })
}

/// The target groups and rules that its tasks really have: deployments take turns (BG-02).
fn resolved(row: &DeploymentRow) -> ResolvedConfiguration {
    let entries = row
        .spec
        .load_balancers
        .iter()
        .map(|entry| ServiceRevisionLoadBalancer {
            target_group_arn: entry.target_group_arn.clone(),
            production_listener_rule: entry
                .advanced_configuration
                .as_ref()
                .and_then(|it| it.production_listener_rule.clone()),
        });
    ResolvedConfiguration {
        load_balancers: Some(entries.collect()),
    }
}

/// Each container's image, with the digest that the first task ran (D-30).
async fn images(cx: &Context, row: &DeploymentRow) -> Result<Vec<ContainerImage>> {
    let definitions = store::task_definitions::by_ids(cx.db(), &[row.task_definition_id]).await?;
    let containers = definitions
        .into_iter()
        .flat_map(|definition| definition.document.0.container_definitions.unwrap_or_default());
    Ok(containers
        .map(|container| {
            let name = container.name.unwrap_or_default();
            ContainerImage {
                image: container.image,
                image_digest: row.image_digests.0.get(&name).cloned(),
                container_name: Some(name),
            }
        })
        .collect())
}
