use std::collections::HashMap;

use aws_model::ecs::types::{DescribeServiceDeploymentsRequest, DescribeServiceDeploymentsResponse};
use store::services::{deployments, service_deployments};

use crate::ecs::service_deployment_arn::{self, missing, named};
use crate::ecs::view::service_deployment::{Home, whole};
use crate::{Context, Error, Result};

/// ARNs of one call (SD-06).
const LIMIT: usize = 20;

/// DescribeServiceDeployments. Missing ones are failures, not errors (W-10).
pub async fn describe_service_deployments(
    cx: &Context,
    input: DescribeServiceDeploymentsRequest,
) -> Result<DescribeServiceDeploymentsResponse> {
    let arns = input.service_deployment_arns;
    if arns.is_empty() || arns.len() > LIMIT {
        let text = format!("serviceDeploymentArns must have between 1 and {LIMIT} items.");
        return Err(Error::invalid_parameter(text));
    }
    let mut names = Vec::with_capacity(arns.len());
    for arn in &arns {
        names.extend(named(cx, "service-deployment", arn)?);
    }
    let services = service_deployment_arn::services(cx, &names).await?;
    let service_ids: Vec<i64> = services.values().map(|row| row.id).collect();
    let ids: Vec<String> = names.iter().map(|name| name.id.clone()).collect();
    let rows = service_deployments::find(cx.db(), &service_ids, &ids).await?;
    let referred: Vec<i64> = rows
        .iter()
        .flat_map(|found| [Some(found.row.deployment_id), found.row.rollback_deployment_id])
        .flatten()
        .collect();
    let targets: HashMap<i64, _> = deployments::of_revisions(cx.db(), &service_ids, &referred)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let counts = service_deployments::revision_counts(cx.db(), &service_ids).await?;
    let counts: HashMap<i64, _> = counts
        .into_iter()
        .map(|counts| (counts.revision_id, counts))
        .collect();

    let mut rows: HashMap<String, _> = rows
        .into_iter()
        .map(|found| (found.row.id.clone(), found))
        .collect();
    let mut shown = Vec::new();
    for name in &names {
        let service = services.get(&(name.cluster.clone(), name.service.clone()));
        let Some(found) = service.and_then(|service| {
            rows.get(&name.id)
                .filter(|found| found.row.service_id == service.id)?;
            rows.remove(&name.id)
        }) else {
            continue;
        };
        let home = Home {
            scope: &cx.scope,
            cluster: &name.cluster,
            service: &name.service,
        };
        let target = targets.get(&found.row.deployment_id);
        let back = found.row.rollback_deployment_id.and_then(|id| targets.get(&id));
        shown.push(whole(home, found, target, back, &counts));
    }
    let found: Vec<&str> = shown
        .iter()
        .filter_map(|shown| shown.service_deployment_arn.as_deref())
        .collect();
    let failures = arns
        .iter()
        .filter(|arn| !found.contains(&arn.as_str()))
        .map(|arn| missing(arn))
        .collect();
    Ok(DescribeServiceDeploymentsResponse {
        service_deployments: Some(shown),
        failures: Some(failures),
    })
}
