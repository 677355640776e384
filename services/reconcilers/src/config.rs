//! Settings of the loops.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;

/// Where certificates are issued.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    /// URL of the ACME directory, such as `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// Mail address that the directory may write to.
    pub contact: Option<String>,
    /// PEM file with the authority of the directory's own certificate, where it is none of the usual ones.
    pub root: Option<PathBuf>,
}

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
    /// Time between two looks for services that may sleep.
    pub sleep_period: Duration,
    pub reaper_period: Duration,
    /// Time between two looks at orders of certificates; what is to be renewed is looked for as often.
    pub issuer_period: Duration,
    /// Certificates are issued on request if there is a directory.
    pub acme: Option<AcmeConfig>,
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
            sleep_period: Duration::from_secs(2),
            reaper_period: Duration::from_secs(30),
            issuer_period: Duration::from_secs(30),
            acme: None,
        }
    }
}
