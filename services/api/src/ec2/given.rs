//! Parameters that several operations take in the same way.

use aws_model::ec2::types::AttributeBooleanValue;
use domain::network::{Ipv4Cidr, ResourceKind, Zone, zones};
use store::tokens::Token;

use super::refusal;
use crate::{Context, Result};

/// Longest client token.
const TOKEN_LIMIT: usize = 64;

/// Refuses an id that cannot name something of this kind.
pub fn id(kind: ResourceKind, id: &str) -> Result<()> {
    match kind.is_id(id) {
        true => Ok(()),
        false => Err(refusal::malformed(kind, id)),
    }
}

/// Refuses a parameter that is not carried out, unless it is absent.
pub fn absent<T>(value: &Option<T>, parameter: &str) -> Result<()> {
    match value {
        None => Ok(()),
        Some(_) => Err(refusal::unsupported(parameter)),
    }
}

/// Refuses a switch that is not carried out, unless it is off or absent.
pub fn off(value: Option<bool>, parameter: &str) -> Result<()> {
    match value {
        Some(true) => Err(refusal::unsupported(parameter)),
        Some(false) | None => Ok(()),
    }
}

/// Refuses a list that is not carried out, unless it is empty or absent.
pub fn empty<T>(value: &Option<Vec<T>>, parameter: &str) -> Result<()> {
    match value.as_deref() {
        None | Some([]) => Ok(()),
        Some(_) => Err(refusal::unsupported(parameter)),
    }
}

/// The one attribute that a Modify operation sets, by its name.
///
/// # Errors
/// InvalidParameterCombination for none and for several.
pub fn one_attribute(names: &[(&'static str, bool)]) -> Result<&'static str> {
    let given: Vec<&'static str> = names
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name)
        .collect();
    match given.as_slice() {
        [name] => Ok(name),
        [] => Err(refusal::combination("No attributes specified.")),
        several => Err(refusal::combination(format!(
            "Fields for multiple attribute types specified: {}",
            several.join(", ")
        ))),
    }
}

/// The value of a switch in a Modify operation.
pub fn switch(value: Option<AttributeBooleanValue>, parameter: &str) -> Result<Option<bool>> {
    value
        .map(|value| {
            value
                .value
                .ok_or_else(|| refusal::missing(&format!("{parameter}.value")))
        })
        .transpose()
}

/// An IPv4 block.
pub fn ipv4_block(text: &str, parameter: &str) -> Result<Ipv4Cidr> {
    text.parse().map_err(|_| refusal::not_a_block(text, parameter))
}

/// The client token of an operation with the digest of its parameters.
pub fn token(
    cx: &Context,
    operation: &'static str,
    token: Option<&str>,
    parameters: &serde_json::Value,
) -> Result<Option<Token>> {
    let is_token = |token: &str| token.len() <= TOKEN_LIMIT && token.is_ascii() && !token.contains('\0');
    if token.is_some_and(|token| !is_token(token)) {
        return Err(refusal::invalid_value(format!(
            "Client tokens have at most {TOKEN_LIMIT} ASCII characters."
        )));
    }
    Ok(token.map(|token| Token::new(&cx.scope, operation, token, parameters.to_string().as_bytes())))
}

/// The zone that a name or an id names; `None` when neither is given.
///
/// # Errors
/// InvalidParameterValue for a zone of nowhere or elsewhere; InvalidParameterCombination for both.
pub fn zone(cx: &Context, name: Option<&str>, id: Option<&str>) -> Result<Option<Zone>> {
    let zones = zones(&cx.scope.region);
    let (parameter, asked, found) = match (name, id) {
        (None, None) => return Ok(None),
        (Some(name), None) => (
            "availabilityZone",
            name,
            zones.iter().find(|zone| zone.name == name),
        ),
        (None, Some(id)) => ("availabilityZoneId", id, zones.iter().find(|zone| zone.id == id)),
        (Some(_), Some(_)) => {
            return Err(refusal::combination(
                "The parameter availabilityZone cannot be used with the parameter availabilityZoneId",
            ));
        }
    };
    found.cloned().map(Some).ok_or_else(|| {
        let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
        let asked = refusal::quoted(asked);
        refusal::invalid_value(format!(
            "Value ({asked}) for parameter {parameter} is invalid. Subnets can currently only be created in the following availability \
             zones: {}.",
            names.join(", ")
        ))
    })
}
