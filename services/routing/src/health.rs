//! Health checks and what they say of a target (LB-15 to LB-17).

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// How the targets of a group are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// False only where ELBv2 allows it; targets then count as unavailable.
    pub enabled: bool,
    pub protocol: CheckProtocol,
    /// None: the port that the target was registered with (`traffic-port`).
    pub port: Option<u16>,
    /// HTTP, HTTPS and gRPC only.
    pub path: String,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    pub matcher: Matcher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckProtocol {
    Http,
    Https,
    Tcp,
}

/// Codes that pass, such as `200,202-299` or, for gRPC, `12`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matcher {
    HttpCodes(Vec<RangeInclusive<u16>>),
    GrpcCodes(Vec<RangeInclusive<u16>>),
}

/// A target's state, as DescribeTargetHealth shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub state: HealthState,
    pub reason: Option<HealthReason>,
    pub description: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    Initial,
    Healthy,
    Unhealthy,
    Unused,
    Draining,
    #[serde(rename = "unhealthy.draining")]
    UnhealthyDraining,
    Unavailable,
}

/// LB-16. `name` gives the text of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HealthReason {
    #[serde(rename = "Elb.RegistrationInProgress")]
    RegistrationInProgress,
    #[serde(rename = "Elb.InitialHealthChecking")]
    InitialHealthChecking,
    #[serde(rename = "Target.ResponseCodeMismatch")]
    ResponseCodeMismatch,
    #[serde(rename = "Target.Timeout")]
    Timeout,
    #[serde(rename = "Target.FailedHealthChecks")]
    FailedHealthChecks,
    #[serde(rename = "Elb.InternalError")]
    InternalError,
    #[serde(rename = "Target.NotRegistered")]
    NotRegistered,
    #[serde(rename = "Target.NotInUse")]
    NotInUse,
    #[serde(rename = "Target.InvalidState")]
    InvalidState,
    #[serde(rename = "Target.IpUnusable")]
    IpUnusable,
    #[serde(rename = "Target.DeregistrationInProgress")]
    DeregistrationInProgress,
    #[serde(rename = "Target.HealthCheckDisabled")]
    HealthCheckDisabled,
}
