//! What CreateService and UpdateService may set (S-01 to S-07). Everything is either carried out or refused by its name.

pub mod definition;
pub mod deployment;
pub mod hooks;
pub mod load_balancers;
pub mod strategy;
pub mod unsupported;

use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{PlacementConstraint, PlacementStrategy, TaskDefinition};
use store::launch;

use crate::{Context, Error, Result};

/// Greatest number of tasks of a service (section 27).
pub const DESIRED_LIMIT: i32 = 5_000;

/// Checks `desiredCount` of a REPLICA service.
pub fn desired_count(count: i32) -> Result<i32> {
    match count {
        0..=DESIRED_LIMIT => Ok(count),
        ..0 => Err(Error::invalid_parameter("desiredCount should not be negative.")),
        _ => Err(Error::invalid_parameter(format!(
            "desiredCount must be at most {DESIRED_LIMIT}."
        ))),
    }
}

/// S-05.
pub fn desired_count_of_daemon() -> Error {
    Error::invalid_parameter(
        "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again",
    )
}

/// Checks `placementConstraints` (P-02, P-22).
pub fn constraints(given: Vec<PlacementConstraint>) -> Result<Vec<PlacementConstraint>> {
    launch::constraints(&TaskDefinition::default(), &given)
        .map_err(|error| Error::invalid_parameter(error.to_string()))?;
    Ok(given)
}

/// Checks `placementStrategy` (P-03, S-05).
pub fn strategies(given: Vec<PlacementStrategy>, daemon: bool) -> Result<Vec<PlacementStrategy>> {
    if daemon && !given.is_empty() {
        return Err(Error::invalid_parameter(
            "The daemon scheduling strategy does not support placement strategies for services. Remove the placement strategy and try again",
        ));
    }
    launch::strategies(&given).map_err(|error| Error::invalid_parameter(error.to_string()))?;
    Ok(given)
}

/// Checks a client token of CreateService.
pub fn client_token(token: Option<String>) -> Result<Option<String>> {
    let Some(token) = token else { return Ok(None) };
    if token.len() > 36 || !token.bytes().all(|byte| (33..=126).contains(&byte)) {
        return Err(Error::invalid_parameter(
            "clientToken must have at most 36 ASCII characters in the range of 33-126 (inclusive).",
        ));
    }
    Ok(Some(token).filter(|token| !token.is_empty()))
}

/// The name in `service`: a name or an ARN of this cluster. `None` if it is an ARN of another account or region (W-12).
pub fn service_name<'a>(cx: &Context, cluster: &str, text: &'a str) -> Result<Option<&'a str>> {
    if text.is_empty() {
        return Err(Error::invalid_parameter("Service name can not be blank."));
    }
    crate::ecs::find::short_id(cx, "service", cluster, text)
}

/// The refusal of something whole that this version does not have.
pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorCode::UnsupportedFeatureException,
        format!("{what} is not supported by this version of Berth yet."),
    )
}
