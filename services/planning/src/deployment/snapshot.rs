//! What a plan is made of: a service, its deployments, tasks and hosts at one instant. Plain data; loading it is the caller's part.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ContainerInstanceId, DeploymentId, DesiredStatus, HealthStatus, Resources, ServiceStatus};
use domain::{TaskId, TaskStatus};
use serde::{Deserialize, Serialize};

use super::hooks::{Pause, PauseHook};
use super::rollout::Progress;
use super::shift::DeploymentStrategy;
use super::steady::Steady;
use super::stop::StopCode;

/// Everything that the scheduler may look at when it plans for one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub service: Service,
    /// All deployments that still are in `deployments[]`, in any order; one of them is PRIMARY.
    pub deployments: Vec<Deployment>,
    /// The service's tasks that are not STOPPED. Standalone tasks do not belong here.
    pub tasks: Vec<Task>,
    /// Tasks that reached STOPPED and that no plan has accounted for yet. A plan names them in `accounted`.
    pub newly_stopped: Vec<StoppedTask>,
    /// REPLICA: the hosts of `tasks`. DAEMON: also every host that could carry a daemon task.
    pub hosts: Vec<Host>,
}

/// The parts of a service that scheduling depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: String,
    pub status: ServiceStatus,
    pub scheduling_strategy: SchedulingStrategy,
    /// Wanted tasks. For DAEMON the number of eligible hosts as last written (S-60).
    pub desired_count: u32,
    pub configuration: DeploymentConfiguration,
    /// `healthCheckGracePeriodSeconds`: failing health is ignored for so long after a task's start (S-30).
    pub health_check_grace_period: TimeDelta,
    /// How long a task without health check and load balancer has to run until it counts as healthy (D-03): 40 s.
    pub healthy_after: TimeDelta,
    /// For the loop that rebalances steady services; rolling deployments do not read it.
    pub availability_zone_rebalancing: bool,
    /// `placementStrategy`, for the choice of victims (S-50).
    pub placement_strategy: Vec<PlacementStrategy>,
    /// The planner's own memory: see [`Steady`].
    pub steady: Steady,
    /// The last COMPLETED deployment, which a rollback goes back to (D-22). It may have left `deployments[]`.
    pub rollback_target: Option<RollbackTarget>,
    /// Events of the last [`super::events::QUIET_PERIOD`]; repeats of them are not said again (S-11).
    pub recent_events: Vec<PastEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchedulingStrategy {
    Replica,
    Daemon,
}

/// Limits of a rolling deployment and what makes it fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfiguration {
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    pub circuit_breaker: CircuitBreaker,
    /// How old tasks are replaced; only REPLICA services have another one than [`DeploymentStrategy::Rolling`].
    pub strategy: DeploymentStrategy,
    /// Alarms that are watched during deployments; None = none or not enabled (D-26).
    pub alarms: Option<Alarms>,
}

impl DeploymentConfiguration {
    /// Defaults of a REPLICA service (S-01): 100/200.
    pub const REPLICA: Self = Self::new(100, 200);
    /// Defaults of a DAEMON service (S-61): 0/100.
    pub const DAEMON: Self = Self::new(0, 100);

    /// The two percentages, without breaker and alarms.
    pub const fn new(minimum_healthy_percent: u32, maximum_percent: u32) -> Self {
        let circuit_breaker = CircuitBreaker {
            enable: false,
            rollback: false,
        };
        Self {
            minimum_healthy_percent,
            maximum_percent,
            circuit_breaker,
            strategy: DeploymentStrategy::Rolling,
            alarms: None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarms {
    pub rollback: bool,
    /// How long the alarms are watched after the new tasks run, before the deployment is COMPLETED (D-27).
    pub bake: TimeDelta,
}

/// One entry of `placementStrategy`; fields as in the API (P-03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlacementStrategy {
    Random,
    /// `instanceId`, `host`, `attribute:<name>` or an attribute's bare name.
    Spread(String),
    BinpackCpu,
    BinpackMemory,
}

/// What tasks of a deployment run with, as far as planning cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The caller's key of the service revision: carried, never read.
    pub id: i64,
    /// Every essential container has a health check, so that the task's health can become HEALTHY (T-51). If only some have
    /// one, the time since RUNNING decides (D-03).
    pub has_health_check: bool,
    /// One of its load balancers has a test listener rule: the deployment has test stages (BG-04).
    pub has_test_traffic: bool,
    /// What one task takes of its host, for binpack victims (I-04).
    pub needs: Resources,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackTarget {
    pub deployment: DeploymentId,
    pub revision: Revision,
}

/// A deployment: what it is, and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    pub id: DeploymentId,
    pub revision: Revision,
    pub created_at: DateTime<Utc>,
    /// One of the watched alarms went to ALARM since the deployment began; one that already was in ALARM does not count (D-26).
    pub alarm_raised: bool,
    /// StopServiceDeployment asked to end it (SD-05).
    pub stop_requested: Option<StopType>,
    /// What it waits for in its stages (BG-20). They stay as they were when it began.
    pub hooks: Vec<PauseHook>,
    /// How it has waited. Plans begin and end pauses; answers of users end them too.
    pub pauses: Vec<Pause>,
    /// Written by plans only, as a whole.
    pub progress: Progress,
}

/// `stopType` of StopServiceDeployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopType {
    /// Go back to what was before.
    Rollback,
    /// Start nothing more of it, and leave what there is.
    Abort,
}

/// A task of the service, from PROVISIONING to DEPROVISIONING.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub deployment: DeploymentId,
    /// None while it waits in PROVISIONING for a host.
    pub host: Option<ContainerInstanceId>,
    pub desired: DesiredStatus,
    pub last: TaskStatus,
    pub health: HealthStatus,
    /// All targets of the task are healthy, in every target group (D-03). None = the service has no load balancer.
    pub targets_healthy: Option<bool>,
    /// One of its targets is unhealthy (not just new): the reason for replacing it (S-30).
    pub failed_target: Option<FailedTarget>,
    /// Scale-in protection; over once this instant is reached (PR-01).
    pub protected_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// When it became RUNNING.
    pub started_at: Option<DateTime<Utc>>,
}

/// A target of a task that fails its load balancer's health checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTarget {
    pub target_group_arn: String,
    /// The instance that is registered; None for targets of type ip.
    pub instance: Option<String>,
    pub port: u16,
    pub reason: String,
}

/// How a task of the service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedTask {
    pub id: TaskId,
    pub deployment: DeploymentId,
    /// When it became RUNNING; None = it never did.
    pub started_at: Option<DateTime<Utc>>,
    pub stop_code: Option<StopCode>,
    /// The scheduler stopped it for failed health checks ([`super::stop::StopCause::FailedHealth`]).
    pub failed_health: bool,
}

/// A container instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    pub id: ContainerInstanceId,
    pub state: HostState,
    /// `ecs.availability-zone`.
    pub availability_zone: Option<String>,
    /// Other attributes, for spread over them.
    pub attributes: BTreeMap<String, String>,
    /// What is free on it (I-03).
    pub remaining: Resources,
    /// DAEMON: it meets the service's constraints and the definition's required attributes (S-60).
    pub eligible: bool,
    /// DAEMON: tasks that are no daemon tasks still run there; a draining host loses its daemon tasks last (DR-01).
    pub busy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostState {
    Active,
    Draining,
}

impl Host {
    /// Value of an attribute by its bare name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        match name {
            "ecs.availability-zone" => self.availability_zone.as_deref(),
            other => self.attributes.get(other).map(String::as_str),
        }
    }
}

/// An event that the service already has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEvent {
    pub at: DateTime<Utc>,
    pub message: String,
}
