//! Limits and circuit breaker of `deploymentConfiguration` (D-01, D-20, S-05, S-61).

use aws_model::ecs::types::DeploymentConfiguration;
use store::services::{CircuitBreaker, Rolling};

use super::unsupported;
use crate::{Error, Result};

/// What applies when nothing is given (S-01, S-61).
pub const fn defaults(daemon: bool) -> Rolling {
    let (minimum_healthy_percent, maximum_percent) = if daemon { (0, 100) } else { (100, 200) };
    let circuit_breaker = CircuitBreaker {
        enable: false,
        rollback: false,
    };
    Rolling {
        maximum_percent,
        minimum_healthy_percent,
        circuit_breaker,
    }
}

/// What the service has from now on: members that are not given stay as in `current`.
///
/// # Errors
/// InvalidParameterException for percentages that leave no room; UnsupportedFeatureException for alarms.
pub fn rolling(given: Option<&DeploymentConfiguration>, current: Rolling, daemon: bool) -> Result<Rolling> {
    let Some(given) = given else { return Ok(current) };
    refuse_alarms(given)?;
    let breaker = given.deployment_circuit_breaker.as_ref();
    let rolling = Rolling {
        maximum_percent: given.maximum_percent.unwrap_or(current.maximum_percent),
        minimum_healthy_percent: given
            .minimum_healthy_percent
            .unwrap_or(current.minimum_healthy_percent),
        circuit_breaker: breaker.map_or(current.circuit_breaker, |breaker| CircuitBreaker {
            enable: breaker.enable,
            rollback: breaker.rollback,
        }),
    };
    check(rolling, daemon)?;
    Ok(rolling)
}

fn check(rolling: Rolling, daemon: bool) -> Result<()> {
    let Rolling {
        maximum_percent,
        minimum_healthy_percent,
        ..
    } = rolling;
    if !(0..=100).contains(&minimum_healthy_percent) {
        return Err(Error::invalid_parameter(
            "minimumHealthyPercent must be between 0 and 100.",
        ));
    }
    if daemon && maximum_percent != 100 {
        return Err(Error::invalid_parameter(
            "The daemon scheduling strategy does not support values for maximumPercent other than 100.",
        ));
    }
    if maximum_percent < 100 {
        return Err(Error::invalid_parameter("maximumPercent must be at least 100."));
    }
    Ok(())
}

fn refuse_alarms(given: &DeploymentConfiguration) -> Result<()> {
    if given.alarms.as_ref().is_some_and(|alarms| alarms.enable) {
        return Err(unsupported("deploymentConfiguration.alarms"));
    }
    Ok(())
}
