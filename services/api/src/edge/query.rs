//! Answers in XML, and the errors that the Query protocols have outside all models (W-03).

use aws_model::query::{Failure, failure};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::Error;
use crate::edge::Service;
use crate::error::Code;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/xml;charset=UTF-8");

/// A reply with the protocol's headers.
pub fn reply(request_id: &str, status: StatusCode, body: Vec<u8>) -> Response<Body> {
    super::respond(request_id, status, CONTENT_TYPE, body)
}

/// An error in the envelope of the service.
pub fn refusal(service: Option<&Service>, request_id: &str, error: &Error) -> Response<Body> {
    let status = super::status(error);
    let told = Failure {
        code: error.code.name(),
        message: &error.message,
        of_sender: !status.is_server_error(),
    };
    let body = failure(service.map(|service| service.model), told, request_id);
    reply(request_id, status, body)
}

/// The service has no operation of this name (W-08).
pub fn invalid_action(operation: &str) -> Error {
    let text = format!(
        "The action {} is not valid for this web service.",
        short(operation)
    );
    Error::new(Code::client("InvalidAction"), text)
}

/// The service is known, in another version.
pub fn unknown_version(operation: &str, version: &str) -> Error {
    let (operation, version) = (short(operation), short(version));
    let text = format!("Could not find operation {operation} for version {version}.");
    Error::new(Code::client("InvalidAction"), text)
}

/// Parameters without `Action`.
pub fn missing_action() -> Error {
    let text = "The request is missing an Action or a required parameter.";
    Error::new(Code::client("MissingAction"), text)
}

/// A text that is no form.
pub fn malformed_query_string(text: String) -> Error {
    Error::new(Code::client("MalformedQueryString"), text)
}

/// The operation exists, and is not there yet.
pub fn unsupported(operation: &str) -> Error {
    let text = format!("{operation} is not implemented by this version of Berth yet.");
    Error::new(Code::client("UnsupportedOperation"), text)
}

/// Parameters that do not make a request of the operation (W-08).
pub fn malformed_input(text: String) -> Error {
    Error::new(Code::client("MalformedInput"), text)
}

/// A client's text as far as an answer repeats it.
fn short(text: &str) -> String {
    text.chars().take(128).collect()
}
