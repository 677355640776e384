//! The rows and documents of services.

use std::collections::BTreeMap;

use aws_model::ecs::types::{
    DeploymentLifecycleHook, LaunchType, LoadBalancer, PlacementConstraint, PlacementStrategy, PropagateTags,
    SchedulingStrategy,
};
use chrono::{DateTime, Utc};
use domain::ServiceStatus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::strategy::Strategy;

/// Column `services.spec`: what CreateService and UpdateService set. Changes touch later tasks only (S-07).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// EC2 or EXTERNAL.
    pub launch_type: LaunchType,
    pub rolling: Rolling,
    #[serde(default)]
    pub strategy: Strategy,
    /// As they were given, for later deployments (BG-20).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_hooks: Vec<DeploymentLifecycleHook>,
    #[serde(default)]
    pub placement_constraints: Vec<PlacementConstraint>,
    #[serde(default)]
    pub placement_strategy: Vec<PlacementStrategy>,
    pub propagate_tags: PropagateTags,
    pub enable_ecs_managed_tags: bool,
    /// Seconds; 0 if a service with load balancers does not say (S-01).
    #[serde(default)]
    pub health_check_grace_period_seconds: Option<i32>,
    /// ARN or name as it was given; kept and shown, for load balancers need no role here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// How a deployment replaces tasks (D-01 to D-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling {
    pub maximum_percent: i32,
    pub minimum_healthy_percent: i32,
    pub circuit_breaker: CircuitBreaker,
}

/// Whether failing deployments are given up (D-20 to D-22).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
}

/// Column `deployments.spec`: the service revision, what new tasks of the deployment are made of besides the definition (S-21).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentSpec {
    pub launch_type: LaunchType,
    /// Where its tasks are registered: `targetGroupArn`. Where traffic is shifted, the alternate group is that of the other revision.
    #[serde(default)]
    pub load_balancers: Vec<LoadBalancer>,
    /// The two groups of each load balancer are exchanged against what the user configured (BG-02).
    #[serde(default)]
    pub exchanged: bool,
}

impl DeploymentSpec {
    /// What tasks are made of when the user configured these load balancers.
    pub fn new(launch_type: LaunchType, load_balancers: Vec<LoadBalancer>, exchanged: bool) -> Self {
        let load_balancers = load_balancers
            .into_iter()
            .map(|entry| if exchanged { exchange(entry) } else { entry });
        Self {
            launch_type,
            load_balancers: load_balancers.collect(),
            exchanged,
        }
    }

    /// One of its load balancers has a rule for test traffic (BG-04).
    pub fn has_test_traffic(&self) -> bool {
        let mut advanced = self
            .load_balancers
            .iter()
            .filter_map(|entry| entry.advanced_configuration.as_ref());
        advanced.any(|advanced| advanced.test_listener_rule.is_some())
    }

    /// The load balancers as the user configured them.
    pub fn configured_load_balancers(&self) -> Vec<LoadBalancer> {
        Self::new(self.launch_type, self.load_balancers.clone(), self.exchanged).load_balancers
    }
}

/// The same with its target groups exchanged.
fn exchange(mut entry: LoadBalancer) -> LoadBalancer {
    if let Some(advanced) = &mut entry.advanced_configuration {
        std::mem::swap(
            &mut entry.target_group_arn,
            &mut advanced.alternate_target_group_arn,
        );
    }
    entry
}

/// A row of `services`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ServiceRow {
    pub id: i64,
    pub cluster_id: i64,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub status: ServiceStatus,
    /// REPLICA or DAEMON.
    pub scheduling_strategy: String,
    /// For DAEMON: the number of eligible instances, written by the scheduler (S-60).
    pub desired_count: i32,
    pub spec: Json<ServiceSpec>,
    /// Only the scheduler reads and writes it.
    pub scheduler: Json<Value>,
    pub settled: bool,
    pub generation: i64,
    pub create_digest: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

impl ServiceRow {
    pub fn strategy(&self) -> SchedulingStrategy {
        if self.is_daemon() {
            SchedulingStrategy::Daemon
        } else {
            SchedulingStrategy::Replica
        }
    }

    pub fn is_daemon(&self) -> bool {
        self.scheduling_strategy == SchedulingStrategy::Daemon.as_str()
    }

    /// `group` of the service's tasks (T-20).
    pub fn task_group(&self) -> String {
        format!("service:{}", self.name)
    }
}

/// A row of `deployments`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DeploymentRow {
    /// The 19 digits of `ecs-svc/…`.
    pub id: i64,
    pub service_id: i64,
    /// PRIMARY, ACTIVE or INACTIVE (D-10, D-12).
    pub status: String,
    pub task_definition_id: i64,
    /// Of the task definition.
    pub family: String,
    pub revision: i32,
    pub desired_count: i32,
    pub spec: Json<DeploymentSpec>,
    /// IN_PROGRESS, COMPLETED or FAILED (D-16).
    pub rollout_state: String,
    pub rollout_state_reason: String,
    pub failed_tasks: i32,
    /// Only the scheduler reads and writes it.
    pub scheduler: Json<Value>,
    /// The deployment that its service revision began with, when that is not this one: it is a rollback (SD-01).
    pub revision_id: Option<i64>,
    /// Container → digest of the image that its tasks run (D-30).
    pub image_digests: Json<BTreeMap<String, String>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl DeploymentRow {
    /// The number of its service revision (SD-01).
    pub fn revision_number(&self) -> i64 {
        self.revision_id.unwrap_or(self.id)
    }

    pub fn is_primary(&self) -> bool {
        self.status == "PRIMARY"
    }
}

/// Tasks of a deployment (S-22).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct DeploymentCounts {
    pub service_id: i64,
    pub deployment_id: i64,
    pub running: i64,
    pub pending: i64,
}

/// A row of `service_events`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EventRow {
    pub id: Uuid,
    pub service_id: i64,
    pub created_at: DateTime<Utc>,
    pub message: String,
}
