//! Settings of the loops.

use std::time::Duration;

use chrono::TimeDelta;

/// What can be configured about the loops. The defaults are those of `berth server`.
#[derive(Debug, Clone)]
pub struct ReconcilerConfig {
    /// A container instance whose agent is away for this long loses its tasks (S-34).
    pub host_loss_after: TimeDelta,
    /// A service task without a health check counts as healthy this long after RUNNING (D-03).
    pub service_healthy_after: TimeDelta,
    /// How long stopped tasks, and INACTIVE services, container instances and clusters stay describable (T-05).
    pub stopped_task_retention: TimeDelta,
    /// How long finished deployments are remembered (SD-06).
    pub deployment_retention: TimeDelta,
    /// Time between two sweeps over services where something is missing or under way.
    pub unsettled_period: Duration,
    /// Time between two sweeps over all services.
    pub service_period: Duration,
    pub host_period: Duration,
    pub reaper_period: Duration,
}

impl Default for ReconcilerConfig {
    fn default() -> Self {
        Self {
            host_loss_after: TimeDelta::seconds(10),
            service_healthy_after: TimeDelta::seconds(40),
            stopped_task_retention: TimeDelta::days(7),
            deployment_retention: TimeDelta::days(90),
            unsettled_period: Duration::from_secs(3),
            service_period: Duration::from_secs(60),
            host_period: Duration::from_secs(1),
            reaper_period: Duration::from_secs(30),
        }
    }
}
