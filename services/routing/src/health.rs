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

impl HealthState {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
            Self::UnhealthyDraining => "unhealthy.draining",
            Self::Unavailable => "unavailable",
        }
    }

    /// The state with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [HealthState; 7] = [
            HealthState::Initial,
            HealthState::Healthy,
            HealthState::Unhealthy,
            HealthState::Unused,
            HealthState::Draining,
            HealthState::UnhealthyDraining,
            HealthState::Unavailable,
        ];
        ALL.into_iter().find(|state| state.name() == name)
    }
}

impl HealthReason {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::RegistrationInProgress => "Elb.RegistrationInProgress",
            Self::InitialHealthChecking => "Elb.InitialHealthChecking",
            Self::ResponseCodeMismatch => "Target.ResponseCodeMismatch",
            Self::Timeout => "Target.Timeout",
            Self::FailedHealthChecks => "Target.FailedHealthChecks",
            Self::InternalError => "Elb.InternalError",
            Self::NotRegistered => "Target.NotRegistered",
            Self::NotInUse => "Target.NotInUse",
            Self::InvalidState => "Target.InvalidState",
            Self::IpUnusable => "Target.IpUnusable",
            Self::DeregistrationInProgress => "Target.DeregistrationInProgress",
            Self::HealthCheckDisabled => "Target.HealthCheckDisabled",
        }
    }

    /// The reason with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [HealthReason; 12] = [
            HealthReason::RegistrationInProgress,
            HealthReason::InitialHealthChecking,
            HealthReason::ResponseCodeMismatch,
            HealthReason::Timeout,
            HealthReason::FailedHealthChecks,
            HealthReason::InternalError,
            HealthReason::NotRegistered,
            HealthReason::NotInUse,
            HealthReason::InvalidState,
            HealthReason::IpUnusable,
            HealthReason::DeregistrationInProgress,
            HealthReason::HealthCheckDisabled,
        ];
        ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The sentence that the API shows beside the reason where nothing more is known.
    pub fn text(self) -> &'static str {
        match self {
            Self::RegistrationInProgress => "Target registration is in progress",
            Self::InitialHealthChecking => "Initial health checks in progress",
            Self::ResponseCodeMismatch | Self::FailedHealthChecks => "Health checks failed",
            Self::Timeout => "Request timed out",
            Self::InternalError => "Target is unhealthy because of an internal error",
            Self::NotRegistered => "Target is not registered to the target group",
            Self::NotInUse => "Target group is not configured to receive traffic from the load balancer",
            Self::InvalidState => "Target is in the stopped state",
            Self::IpUnusable => "Target IP address is reserved for use by a load balancer",
            Self::DeregistrationInProgress => "Target deregistration is in progress",
            Self::HealthCheckDisabled => "Health checks are disabled for the target group",
        }
    }
}

impl Health {
    /// A state with a reason, in the API's words for it.
    pub fn because(state: HealthState, reason: HealthReason) -> Self {
        Self {
            state,
            reason: Some(reason),
            description: Some(reason.text().to_owned()),
        }
    }

    /// What a target has right after its registration (LB-16).
    pub fn registered() -> Self {
        Self::because(HealthState::Initial, HealthReason::RegistrationInProgress)
    }

    /// Passes its checks.
    pub fn healthy() -> Self {
        Self {
            state: HealthState::Healthy,
            reason: None,
            description: None,
        }
    }
}

/// What decides about a target's state besides its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// A rule of a listener names the target's group.
    pub in_use: bool,
    /// The group's targets are checked at all.
    pub checked: bool,
    /// It is known where to connect.
    pub reachable: bool,
    pub draining: bool,
}

/// The state to show for a target of which `observed` is kept (LB-16, LB-17, LB-19).
pub fn shown(standing: Standing, observed: &Health) -> Health {
    match standing {
        Standing { draining: true, .. } => {
            Health::because(HealthState::Draining, HealthReason::DeregistrationInProgress)
        }
        Standing { in_use: false, .. } => Health::because(HealthState::Unused, HealthReason::NotInUse),
        Standing { reachable: false, .. } => Health::because(HealthState::Unused, HealthReason::InvalidState),
        Standing { checked: false, .. } => {
            Health::because(HealthState::Unavailable, HealthReason::HealthCheckDisabled)
        }
        // Left over from when the group was not in use or the target was draining: it is about to be checked again.
        _ if matches!(
            observed.state,
            HealthState::Unused | HealthState::Draining | HealthState::UnhealthyDraining
        ) =>
        {
            Health::registered()
        }
        _ => observed.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USED: Standing = Standing {
        in_use: true,
        checked: true,
        reachable: true,
        draining: false,
    };

    #[test]
    fn lb16_words_of_states_and_reasons_are_those_that_are_stored_and_sent() {
        for name in [
            "initial",
            "healthy",
            "unhealthy",
            "unused",
            "draining",
            "unhealthy.draining",
            "unavailable",
        ] {
            let state = HealthState::from_name(name).expect("a state");
            assert_eq!(serde_json::to_value(state).expect("JSON"), name);
        }
        let reason = HealthReason::from_name("Elb.InitialHealthChecking").expect("a reason");
        assert_eq!(serde_json::to_value(reason).expect("JSON"), reason.name());
    }

    #[test]
    fn lb17_a_group_on_no_listener_is_unused_whatever_its_targets_were() {
        let unused = Standing {
            in_use: false,
            ..USED
        };
        let health = shown(unused, &Health::healthy());
        assert_eq!(
            (health.state, health.reason),
            (HealthState::Unused, Some(HealthReason::NotInUse))
        );
        assert_eq!(shown(USED, &health), Health::registered());
        assert_eq!(shown(USED, &Health::healthy()), Health::healthy());
    }

    #[test]
    fn lb19_a_draining_target_shows_as_draining_before_anything_else() {
        let draining = Standing {
            draining: true,
            in_use: false,
            ..USED
        };
        assert_eq!(shown(draining, &Health::healthy()).state, HealthState::Draining);
        let disabled = Standing {
            checked: false,
            ..USED
        };
        assert_eq!(
            shown(disabled, &Health::registered()).state,
            HealthState::Unavailable
        );
    }
}
