//! The limits of a rolling deployment (D-01) and of the circuit breaker (D-20).

use super::snapshot::DeploymentConfiguration;

/// How few tasks may be healthy and how many may exist, over all deployments of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Healthy RUNNING tasks that a planned stop has to leave.
    pub min_healthy: u32,
    /// RUNNING and PENDING tasks that planned starts may reach.
    pub max_running: u32,
}

impl Bounds {
    /// ceil(desired × min%) and floor(desired × max%) (D-01).
    pub fn new(desired: u32, configuration: &DeploymentConfiguration) -> Self {
        let share = |percent: u32| u64::from(desired) * u64::from(percent);
        let count = |tasks: u64| u32::try_from(tasks).unwrap_or(u32::MAX);
        Self {
            min_healthy: count(share(configuration.minimum_healthy_percent).div_ceil(100)),
            max_running: count(share(configuration.maximum_percent) / 100),
        }
    }
}

/// Failures that trip the circuit breaker: half of the desired tasks, at least 3, at most 200 (D-20).
pub fn breaker_threshold(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}
