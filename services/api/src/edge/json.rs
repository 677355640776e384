//! Answers in AWS JSON 1.1 (W-01, W-02).

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::Error;
use crate::error::Code;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A reply with the protocol's headers.
pub fn reply(request_id: &str, status: StatusCode, body: Vec<u8>) -> Response<Body> {
    super::respond(request_id, status, CONTENT_TYPE, body)
}

/// An error body: `{"__type": code, "message": text}` and what else belongs to the code.
pub fn refusal(request_id: &str, error: &Error) -> Response<Body> {
    let mut body = json!({ "__type": error.code.name(), "message": error.message });
    if !error.resource_ids.is_empty() {
        body["resourceIds"] = json!(error.resource_ids);
    }
    let mut response = reply(request_id, super::status(error), body.to_string().into_bytes());
    if let Ok(value) = HeaderValue::from_str(error.code.name()) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

/// The service has no operation of this name (W-08).
pub fn unknown_operation(operation: &str) -> Error {
    let named: String = operation.chars().take(128).collect();
    let text = match named.is_empty() {
        true => "The header X-Amz-Target names no operation.".to_owned(),
        false => format!("The operation {named} is not known."),
    };
    Error::new(Code::client("UnknownOperationException"), text)
}

/// A body that is no request of the operation (W-08).
pub fn serialization(text: String) -> Error {
    Error::new(Code::client("SerializationException"), text)
}
