//! Answers in AWS JSON 1.1 (W-01, W-02).

use auth::AuthError;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Code;
use crate::{Context, Error};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A fresh request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// A reply with the protocol's headers.
pub fn reply(request_id: &str, status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

/// An error body: `{"__type": code, "message": text}` and what else belongs to the code.
pub fn error(
    request_id: &str,
    status: StatusCode,
    code: &str,
    message: &str,
    more: &[(&str, Value)],
) -> Response<Body> {
    let mut body = json!({ "__type": code, "message": message });
    for (name, value) in more {
        body[*name] = value.clone();
    }
    let mut response = reply(request_id, status, body.to_string().into_bytes());
    if let Ok(value) = HeaderValue::from_str(code) {
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

/// W-07.
pub fn auth_error(request_id: &str, failed: &AuthError) -> Response<Body> {
    let status = StatusCode::from_u16(failed.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if status.is_server_error() {
        tracing::error!(
            request_id,
            error = failed as &dyn std::error::Error,
            "the signature could not be checked"
        );
    }
    error(request_id, status, failed.code(), &failed.to_string(), &[])
}

/// An operation's error. Faults of ours are logged here, once, with all their causes.
pub fn failure(cx: &Context, operation: &str, failed: &Error) -> Response<Body> {
    let status = StatusCode::from_u16(failed.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(source) = &failed.source {
        let source: &(dyn std::error::Error + 'static) = source.as_ref();
        tracing::error!(request_id = cx.request_id, operation, account = %cx.scope.account, error = source, "operation failed");
    }
    let more: Vec<(&str, Value)> = match failed.resource_ids.as_slice() {
        [] => Vec::new(),
        ids => vec![("resourceIds", json!(ids))],
    };
    error(&cx.request_id, status, failed.code.name(), &failed.message, &more)
}
