//! Service deployments and revisions as the API shows them (section 13).

use std::collections::HashMap;

use aws_model::ecs::types::{
    DeploymentLifecycleHookDetail, DeploymentLifecycleHookTargetType, Rollback, ServiceDeployment,
    ServiceDeploymentBrief, ServiceDeploymentCircuitBreaker, ServiceDeploymentLifecycleStage as Stage,
    ServiceDeploymentRollbackMonitorsStatus as Monitors, ServiceRevisionSummary,
};
use domain::Scope;
use planning::deployment::arithmetic::breaker_threshold;
use store::services::DeploymentRow;
use store::services::hooks::ShownPause;
use store::services::service_deployments::{Described, RevisionCounts, ServiceDeploymentRow};

/// Where a service stands: what its ARNs are made of.
#[derive(Clone, Copy)]
pub struct Home<'a> {
    pub scope: &'a Scope,
    pub cluster: &'a str,
    pub service: &'a str,
}

impl Home<'_> {
    pub fn deployment_arn(&self, id: &str) -> String {
        self.scope.service_deployment_arn(self.cluster, self.service, id)
    }

    pub fn revision_arn(&self, revision: i64) -> String {
        self.scope
            .service_revision_arn(self.cluster, self.service, revision)
    }
}

/// One entry of ListServiceDeployments.
pub fn brief(home: Home<'_>, row: ServiceDeploymentRow) -> ServiceDeploymentBrief {
    ServiceDeploymentBrief {
        service_deployment_arn: Some(home.deployment_arn(&row.id)),
        service_arn: Some(home.scope.service_arn(home.cluster, home.service)),
        cluster_arn: Some(home.scope.cluster_arn(home.cluster)),
        started_at: row.started_at.map(Into::into),
        created_at: Some(row.created_at.into()),
        finished_at: row.finished_at.map(Into::into),
        target_service_revision_arn: Some(home.revision_arn(row.target_revision)),
        status: row.status.parse().ok(),
        status_reason: row.status_reason,
    }
}

/// A service deployment whole. `target` is the deployment that it began.
pub fn whole(
    home: Home<'_>,
    found: Described,
    target: Option<&DeploymentRow>,
    rolled_back_to: Option<&DeploymentRow>,
    counts: &HashMap<i64, RevisionCounts>,
) -> ServiceDeployment {
    let Described { row, stage, pauses } = found;
    let under_way = row.finished_at.is_none();
    let shifts = row
        .configuration
        .0
        .strategy
        .is_some_and(|strategy| strategy.as_str() != "ROLLING");
    let summary =
        |revision: i64| revision_summary(home, revision, counts.get(&revision), shifts && under_way);
    let stage = stage.filter(|_| under_way && shifts);
    let rollback = row.rollback_started_at.map(|at| Rollback {
        reason: row.rollback_reason.clone(),
        started_at: Some(at.into()),
        service_revision_arn: rolled_back_to.map(|to| home.revision_arn(to.revision_number())),
    });
    ServiceDeployment {
        service_deployment_arn: Some(home.deployment_arn(&row.id)),
        service_arn: Some(home.scope.service_arn(home.cluster, home.service)),
        cluster_arn: Some(home.scope.cluster_arn(home.cluster)),
        created_at: Some(row.created_at.into()),
        started_at: row.started_at.map(Into::into),
        finished_at: row.finished_at.map(Into::into),
        stopped_at: row.stopped_at.map(Into::into),
        updated_at: Some(row.updated_at.into()),
        source_service_revisions: Some(
            row.source_revisions
                .iter()
                .map(|revision| summary(*revision))
                .collect(),
        ),
        target_service_revision: Some(summary(row.target_revision)),
        deployment_circuit_breaker: Some(circuit_breaker(&row, target)),
        lifecycle_stage: stage.and_then(|stage| lifecycle_stage(&stage)),
        lifecycle_hook_details: shifts.then(|| pauses.0.into_iter().map(hook_detail).collect()),
        rollback,
        status: row.status.parse().ok(),
        status_reason: row.status_reason,
        deployment_configuration: Some(row.configuration.0),
        ..ServiceDeployment::default()
    }
}

/// `lifecycleStage`. The API has no word for the stage before each step of the production shift, in which hooks are waited for.
fn lifecycle_stage(stage: &str) -> Option<Stage> {
    match stage {
        "PRE_PRODUCTION_TRAFFIC_SHIFT" => Some(Stage::ProductionTrafficShift),
        other => other.parse().ok(),
    }
}

/// One entry of `lifecycleHookDetails` (BG-22).
fn hook_detail(pause: ShownPause) -> DeploymentLifecycleHookDetail {
    DeploymentLifecycleHookDetail {
        hook_id: Some(pause.id),
        target_type: Some(DeploymentLifecycleHookTargetType::Pause),
        target_arn: None,
        status: pause.status.parse().ok(),
        expires_at: Some(pause.expires_at.into()),
        timeout_action: pause.timeout_action.parse().ok(),
    }
}

/// A revision in short (SD-02). Weights are shown while traffic is shifted.
fn revision_summary(
    home: Home<'_>,
    revision: i64,
    counts: Option<&RevisionCounts>,
    with_weights: bool,
) -> ServiceRevisionSummary {
    let counts = counts.copied().unwrap_or_default();
    let number = |count: i64| Some(i32::try_from(count).unwrap_or(i32::MAX));
    ServiceRevisionSummary {
        arn: Some(home.revision_arn(revision)),
        requested_task_count: number(counts.requested),
        running_task_count: number(counts.running),
        pending_task_count: number(counts.pending),
        requested_production_traffic_weight: with_weights.then(|| counts.production as f64 / 10.0),
        requested_test_traffic_weight: with_weights.then_some(if counts.test { 100.0 } else { 0.0 }),
    }
}

/// SD-04.
fn circuit_breaker(
    row: &ServiceDeploymentRow,
    target: Option<&DeploymentRow>,
) -> ServiceDeploymentCircuitBreaker {
    let enabled = row
        .configuration
        .0
        .deployment_circuit_breaker
        .as_ref()
        .is_some_and(|breaker| breaker.enable);
    let tripped = target.is_some_and(|target| {
        target
            .rollout_state_reason
            .starts_with("ECS deployment circuit breaker")
    });
    let status = match (enabled, tripped, row.finished_at.is_some()) {
        (false, ..) => Monitors::Disabled,
        (true, true, _) => Monitors::Triggered,
        (true, false, false) => Monitors::Monitoring,
        (true, false, true) => Monitors::MonitoringComplete,
    };
    let desired = target.map_or(0, |target| u32::try_from(target.desired_count).unwrap_or(0));
    ServiceDeploymentCircuitBreaker {
        status: Some(status),
        failure_count: Some(target.map_or(0, |target| target.failed_tasks)),
        threshold: Some(i32::try_from(breaker_threshold(desired)).unwrap_or(i32::MAX)),
    }
}
