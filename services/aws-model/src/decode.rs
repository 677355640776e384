//! From a request body to a typed request: first the JSON value is checked against the static schema, then serde reads it.

pub(crate) mod check;
pub(crate) mod pattern;
pub(crate) mod violation;

use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::operation::Operation;

pub use violation::{Constraint, Violation};

/// Why a body is not a request of the operation (W-08).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not UTF-8, not JSON, not an object, nested too deep, or a member of the wrong JSON type.
    #[error("{0}")]
    Serialization(String),
    /// Well-formed, but a required member is missing or a value is not allowed.
    #[error("{0}")]
    Invalid(Box<Violation>),
}

/// Reads a JSON body. An empty body is `{}`, members that are `null` are absent, unknown members are ignored.
pub fn decode<Op: Operation>(body: &[u8]) -> Result<Op::Input, DecodeError> {
    let mut value = parse(body)?;
    check::check(Op::INPUT, &mut value)?;
    serde_json::from_value(value).map_err(|error| DecodeError::Serialization(error.to_string()))
}

/// Writes a response as JSON.
///
/// # Panics
/// Never for generated types: their maps have text keys and nothing else in them can fail.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("generated types always serialize")
}

fn parse(body: &[u8]) -> Result<Value, DecodeError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| DecodeError::Serialization("The request body is not UTF-8.".to_owned()))?;
    serde_json::from_str(text)
        .map_err(|error| DecodeError::Serialization(format!("The request body is not valid JSON: {error}.")))
}
