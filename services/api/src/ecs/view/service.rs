//! Services as the API shows them (S-01).

use std::collections::HashMap;

use aws_model::ecs::types::{
    AvailabilityZoneRebalancing, CanaryConfiguration, Deployment, DeploymentCircuitBreaker,
    DeploymentConfiguration, DeploymentController, DeploymentControllerType, DeploymentStrategy,
    LinearConfiguration, Service, ServiceCurrentRevisionSummary, ServiceEvent, Tag,
};
use domain::{DeploymentId, Scope, ServiceStatus};
use store::services::{
    DeploymentCounts, DeploymentRow, Details, EventRow, ServiceRow, ServiceSpec, Strategy,
};

use crate::ecs::tags;
use crate::ecs::view::service_deployment::Home;
use crate::{Context, Result};

/// The rows with what belongs to them, as DescribeServices shows them; tags only if they were asked for.
pub async fn shown(
    cx: &Context,
    cluster: &str,
    rows: Vec<ServiceRow>,
    with_tags: bool,
) -> Result<Vec<Service>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let arns: Vec<String> = rows
        .iter()
        .map(|row| cx.scope.service_arn(cluster, &row.name))
        .collect();
    let mut details = store::services::details(cx.db(), &ids).await?;
    let mut tags = tags::of(cx, with_tags, &arns).await?;
    let shown = rows.into_iter().zip(arns).map(|(row, arn)| {
        let details = details.remove(&row.id).unwrap_or_default();
        service(&cx.scope, cluster, row, details, tags::taken(&mut tags, &arn))
    });
    Ok(shown.collect())
}

/// One row, as CreateService, UpdateService and DeleteService show it.
pub async fn changed(cx: &Context, cluster: &str, row: ServiceRow) -> Result<Service> {
    let arn = cx.scope.service_arn(cluster, &row.name);
    let details = store::services::details(cx.db(), &[row.id])
        .await?
        .remove(&row.id)
        .unwrap_or_default();
    // Only DescribeServices tells of revisions (SD-07).
    let details = Details {
        service_deployment: None,
        ..details
    };
    let mut tags = tags::of(cx, true, std::slice::from_ref(&arn)).await?;
    Ok(service(
        &cx.scope,
        cluster,
        row,
        details,
        tags::taken(&mut tags, &arn),
    ))
}

/// The row with what belongs to it. `tags` is empty when they were not asked for (TG-06).
fn service(scope: &Scope, cluster: &str, row: ServiceRow, details: Details, tags: Vec<Tag>) -> Service {
    let Details {
        deployments,
        counts,
        events,
        service_deployment,
    } = details;
    // Of a deleted service only the newest deployment is left.
    let current = deployments
        .iter()
        .find(|deployment| deployment.is_primary())
        .or(deployments.first());
    let task_definition = current.map(|current| scope.task_definition_arn(&current.family, current.revision));
    let load_balancers = current.map(|current| current.spec.configured_load_balancers());
    let load_balancers = load_balancers.unwrap_or_default();
    let running: i64 = counts.values().map(|counts| counts.running).sum();
    let pending: i64 = counts.values().map(|counts| counts.pending).sum();
    let strategy = row.strategy();
    let spec = row.spec.0;
    // A deleted service has no deployments any more (D-12).
    let deployments = if row.status == ServiceStatus::Inactive {
        Vec::new()
    } else {
        deployments
    };
    let home = Home {
        scope,
        cluster,
        service: &row.name,
    };
    let current_service_deployment = service_deployment.map(|id| home.deployment_arn(&id));
    let told = current_service_deployment.is_some();
    let current_service_revisions = told.then(|| revisions(home, &deployments, &counts));
    let deployments = deployments
        .into_iter()
        .map(|row| deployment(scope, row, &counts))
        .collect();
    Service {
        service_arn: Some(scope.service_arn(cluster, &row.name)),
        service_name: Some(row.name),
        cluster_arn: Some(scope.cluster_arn(cluster)),
        role_arn: (!load_balancers.is_empty()).then(|| role(scope, spec.role.as_deref())),
        load_balancers: Some(load_balancers),
        service_registries: Some(Vec::new()),
        status: Some(row.status.as_str().to_owned()),
        desired_count: Some(row.desired_count),
        running_count: Some(count(running)),
        pending_count: Some(count(pending)),
        launch_type: Some(spec.launch_type),
        task_definition,
        deployment_configuration: Some(configuration(&spec)),
        deployments: Some(deployments),
        current_service_deployment,
        current_service_revisions,
        events: Some(events.into_iter().map(event).collect()),
        created_at: Some(row.created_at.into()),
        created_by: Some(row.created_by),
        placement_constraints: Some(spec.placement_constraints),
        placement_strategy: Some(spec.placement_strategy),
        health_check_grace_period_seconds: spec.health_check_grace_period_seconds,
        scheduling_strategy: Some(strategy),
        deployment_controller: Some(DeploymentController {
            r#type: DeploymentControllerType::Ecs,
        }),
        tags: Some(tags),
        enable_ecs_managed_tags: Some(spec.enable_ecs_managed_tags),
        propagate_tags: Some(spec.propagate_tags),
        enable_execute_command: Some(false),
        availability_zone_rebalancing: Some(AvailabilityZoneRebalancing::Disabled),
        ..Service::default()
    }
}

/// `roleArn`: what was given, else the service-linked role (S-01).
fn role(scope: &Scope, given: Option<&str>) -> String {
    match given {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        given => {
            let name = given.unwrap_or("aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
            format!("arn:aws:iam::{}:role/{name}", scope.account)
        }
    }
}

/// The revisions that deployments in `deployments[]` run (SD-07).
fn revisions(
    home: Home<'_>,
    deployments: &[DeploymentRow],
    counts: &HashMap<i64, DeploymentCounts>,
) -> Vec<ServiceCurrentRevisionSummary> {
    let mut numbers: Vec<i64> = deployments.iter().map(DeploymentRow::revision_number).collect();
    numbers.dedup();
    let summary = |number: &i64| {
        let (mut requested, mut running, mut pending) = (0, 0, 0);
        for row in deployments.iter().filter(|row| row.revision_number() == *number) {
            let of_tasks = counts.get(&row.id).copied().unwrap_or_default();
            requested += row.desired_count;
            running += of_tasks.running;
            pending += of_tasks.pending;
        }
        ServiceCurrentRevisionSummary {
            arn: Some(home.revision_arn(*number)),
            requested_task_count: Some(requested),
            running_task_count: Some(count(running)),
            pending_task_count: Some(count(pending)),
        }
    };
    numbers.iter().map(summary).collect()
}

/// One entry of `deployments[]`.
fn deployment(scope: &Scope, row: DeploymentRow, counts: &HashMap<i64, DeploymentCounts>) -> Deployment {
    let counts = counts.get(&row.id).copied().unwrap_or_default();
    Deployment {
        id: Some(DeploymentId(row.id).to_string()),
        status: Some(row.status),
        task_definition: Some(scope.task_definition_arn(&row.family, row.revision)),
        desired_count: Some(row.desired_count),
        pending_count: Some(count(counts.pending)),
        running_count: Some(count(counts.running)),
        failed_tasks: Some(row.failed_tasks),
        created_at: Some(row.created_at.into()),
        updated_at: Some(row.updated_at.into()),
        launch_type: Some(row.spec.0.launch_type),
        rollout_state: row.rollout_state.parse().ok(),
        rollout_state_reason: Some(row.rollout_state_reason),
        ..Deployment::default()
    }
}

/// `deploymentConfiguration` with all that applies.
pub fn configuration(spec: &ServiceSpec) -> DeploymentConfiguration {
    let (linear, canary) = match spec.strategy {
        Strategy::Linear {
            step_percent,
            step_bake,
            ..
        } => {
            let linear = LinearConfiguration {
                step_percent: Some(step_percent),
                step_bake_time_in_minutes: Some(step_bake),
            };
            (Some(linear), None)
        }
        Strategy::Canary {
            canary_percent,
            canary_bake,
            ..
        } => {
            let canary = CanaryConfiguration {
                canary_percent: Some(canary_percent),
                canary_bake_time_in_minutes: Some(canary_bake),
            };
            (None, Some(canary))
        }
        Strategy::Rolling | Strategy::BlueGreen { .. } => (None, None),
    };
    DeploymentConfiguration {
        maximum_percent: Some(spec.rolling.maximum_percent),
        minimum_healthy_percent: Some(spec.rolling.minimum_healthy_percent),
        deployment_circuit_breaker: Some(DeploymentCircuitBreaker {
            enable: spec.rolling.circuit_breaker.enable,
            rollback: spec.rolling.circuit_breaker.rollback,
        }),
        strategy: Some(match spec.strategy {
            Strategy::Rolling => DeploymentStrategy::Rolling,
            Strategy::BlueGreen { .. } => DeploymentStrategy::BlueGreen,
            Strategy::Linear { .. } => DeploymentStrategy::Linear,
            Strategy::Canary { .. } => DeploymentStrategy::Canary,
        }),
        bake_time_in_minutes: Some(spec.strategy.bake()),
        lifecycle_hooks: spec.strategy.shifts().then(|| spec.lifecycle_hooks.clone()),
        linear_configuration: linear,
        canary_configuration: canary,
        ..DeploymentConfiguration::default()
    }
}

fn event(row: EventRow) -> ServiceEvent {
    ServiceEvent {
        id: Some(row.id.to_string()),
        created_at: Some(row.created_at.into()),
        message: Some(row.message),
    }
}

fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
