//! The Query protocol and EC2's variant of it: form parameters in, XML out (W-03).

mod answer;
mod form;
mod parameters;
mod read;
mod write;
mod xml;

pub use answer::{Failure, encode, failure};
pub use form::{Form, MalformedForm};

use crate::decode::{DecodeError, check};
use crate::operation::{Operation, OperationInfo, Service};
use parameters::Parameters;

/// Reads form parameters as a request. What the operation does not know is ignored, `Name=` is an empty list, indexes may have
/// gaps.
///
/// # Errors
/// [`DecodeError::Serialization`] when the parameters do not make such a request, [`DecodeError::Invalid`] when a value is not
/// allowed.
pub fn decode<Op: Operation>(form: &Form) -> Result<Op::Input, DecodeError> {
    let parameters = Parameters::of(form)?;
    let mut value = read::request(Op::INPUT, parameters.root(), Op::SERVICE.protocol)?;
    check::check(Op::INPUT, &mut value)?;
    serde_json::from_value(value).map_err(|error| DecodeError::Serialization(error.to_string()))
}

/// What a client sends: the request's members as SDKs write them, with `Action` and `Version` before.
pub fn request(service: &Service, operation: &OperationInfo, input: &serde_json::Value) -> Form {
    let what = [("Action", operation.name), ("Version", service.api_version)];
    let members = write::parameters(operation.input, input, service.protocol);
    what.into_iter().chain(members.iter()).collect()
}
