//! What checks say of one target: thresholds, states and reasons (LB-15 to LB-17). Pure.

use chrono::{DateTime, Utc};
use routing::health::Matcher;
use routing::message::TargetReport;
use routing::{Health, HealthCheck, HealthReason, HealthState, Target};

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The target answered with a code that does not pass.
    WrongCode(u16),
    TimedOut,
    /// Refused, reset, no TLS, no HTTP.
    Broken,
}

impl Outcome {
    /// What an answer's code says.
    pub fn of_code(code: u16, matcher: &Matcher) -> Self {
        let (Matcher::HttpCodes(ranges) | Matcher::GrpcCodes(ranges)) = matcher;
        if ranges.iter().any(|range| range.contains(&code)) {
            Self::Passed
        } else {
            Self::WrongCode(code)
        }
    }

    fn failure(self) -> (HealthReason, String) {
        match self {
            Self::WrongCode(code) => (
                HealthReason::ResponseCodeMismatch,
                format!("Health checks failed with these codes: [{code}]"),
            ),
            Self::TimedOut => (HealthReason::Timeout, "Request timed out".to_owned()),
            Self::Passed | Self::Broken => (
                HealthReason::FailedHealthChecks,
                "Health checks failed".to_owned(),
            ),
        }
    }
}

/// The state of a target by its checks.
#[derive(Debug, Clone)]
pub struct Verdict {
    health: Health,
    since: DateTime<Utc>,
    /// Checks in a row that ended like the last one.
    passes: u32,
    failures: u32,
    is_draining: bool,
}

impl Verdict {
    /// Goes on from what the snapshot says, so that a target keeps its state when another proxy takes over its checks.
    pub fn seeded(target: &Target, now: DateTime<Utc>) -> Self {
        let health = match target.health.state {
            HealthState::Healthy | HealthState::Unhealthy => target.health.clone(),
            HealthState::UnhealthyDraining => {
                let (reason, description) = Outcome::Broken.failure();
                unhealthy(reason, description)
            }
            _ => initial(),
        };
        Self {
            health,
            since: target.healthy_since.unwrap_or(now),
            passes: 0,
            failures: 0,
            is_draining: target.draining_until.is_some(),
        }
    }

    /// A registration that nothing is known of.
    pub fn registered(target: &Target, now: DateTime<Utc>) -> Self {
        Self {
            health: initial(),
            since: now,
            passes: 0,
            failures: 0,
            is_draining: target.draining_until.is_some(),
        }
    }

    /// Takes a check's end into account. True if that changes the state, its reason or its description.
    pub fn take(&mut self, outcome: Outcome, check: &HealthCheck, now: DateTime<Utc>) -> bool {
        let state = self.health.state;
        if outcome == Outcome::Passed {
            self.failures = 0;
            self.passes = self.passes.saturating_add(1);
            // One passing check is enough for a target that was never judged (LB-17).
            let needed = if state == HealthState::Unhealthy {
                check.healthy_threshold
            } else {
                1
            };
            return state != HealthState::Healthy && self.passes >= needed && self.become_(healthy(), now);
        }
        self.passes = 0;
        self.failures = self.failures.saturating_add(1);
        let (reason, description) = outcome.failure();
        let is_due = state == HealthState::Unhealthy || self.failures >= check.unhealthy_threshold;
        is_due && self.become_(unhealthy(reason, description), now)
    }

    /// Checks are turned off for the group, or on again.
    pub fn enable(&mut self, enabled: bool, now: DateTime<Utc>) -> bool {
        match (enabled, self.health.state == HealthState::Unavailable) {
            (false, false) => self.become_(unavailable(), now),
            (true, true) => {
                (self.passes, self.failures) = (0, 0);
                self.become_(initial(), now)
            }
            _ => false,
        }
    }

    /// Whether the target drains. True if that is new.
    pub fn drain(&mut self, is_draining: bool, now: DateTime<Utc>) -> bool {
        let changes = self.is_draining != is_draining;
        if changes {
            self.is_draining = is_draining;
            self.since = now;
        }
        changes
    }

    pub fn is_initial(&self) -> bool {
        self.health.state == HealthState::Initial
    }

    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// As it is reported. What drains is draining whatever its checks say, apart from the name of the state.
    pub fn health(&self) -> Health {
        if !self.is_draining {
            return self.health.clone();
        }
        let state = match self.health.state {
            HealthState::Unhealthy => HealthState::UnhealthyDraining,
            _ => HealthState::Draining,
        };
        Health {
            state,
            reason: Some(HealthReason::DeregistrationInProgress),
            description: Some("Target deregistration is in progress".to_owned()),
        }
    }

    /// Since when it is in this state.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    pub fn report(&self, id: &str, port: u16, registered_at: DateTime<Utc>) -> TargetReport {
        TargetReport {
            id: id.to_owned(),
            port,
            registered_at,
            health: self.health(),
            since: self.since,
        }
    }

    fn become_(&mut self, health: Health, now: DateTime<Utc>) -> bool {
        let changes = self.health != health;
        if self.health.state != health.state {
            self.since = now;
        }
        self.health = health;
        changes
    }
}

fn healthy() -> Health {
    Health {
        state: HealthState::Healthy,
        reason: None,
        description: None,
    }
}

fn unhealthy(reason: HealthReason, description: String) -> Health {
    Health {
        state: HealthState::Unhealthy,
        reason: Some(reason),
        description: Some(description),
    }
}

fn initial() -> Health {
    Health {
        state: HealthState::Initial,
        reason: Some(HealthReason::InitialHealthChecking),
        description: Some("Initial health checks in progress".to_owned()),
    }
}

fn unavailable() -> Health {
    Health {
        state: HealthState::Unavailable,
        reason: Some(HealthReason::HealthCheckDisabled),
        description: Some("Health checks are disabled for this target".to_owned()),
    }
}

#[cfg(test)]
mod tests;
