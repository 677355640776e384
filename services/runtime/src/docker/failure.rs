//! bollard's errors as ours.

use crate::docker::{CALL_TIMEOUT, SLOW_CALL_TIMEOUT};
use crate::error::RuntimeError;
use bollard::errors::Error;
use std::error::Error as _;

/// Turns the error of a call into ours; to be given to `map_err`.
pub(super) fn explain(call: &'static str) -> impl Fn(Error) -> RuntimeError {
    move |error| match error {
        Error::DockerResponseServerError {
            status_code: 404,
            message,
        } => RuntimeError::NotFound { message },
        Error::DockerResponseServerError {
            status_code: 409,
            message,
        } => RuntimeError::Conflict { message },
        Error::DockerResponseServerError {
            status_code: status,
            message,
        } => RuntimeError::Engine { status, message },
        Error::DockerStreamError { error } => RuntimeError::Engine {
            status: 0,
            message: error,
        },
        Error::RequestTimeoutError => RuntimeError::Timeout {
            call,
            after: limit_of(call),
        },
        Error::SocketNotFoundError(path) => RuntimeError::ConnectionLost {
            message: format!("no socket at {path}"),
        },
        Error::IOError { .. } | Error::HyperResponseError { .. } | Error::HyperLegacyError { .. } => {
            RuntimeError::ConnectionLost {
                message: with_causes(&error),
            }
        }
        other => RuntimeError::Engine {
            status: 0,
            message: other.to_string(),
        },
    }
}

/// As [`explain`], for calls whose 404 means that the image is missing.
pub(super) fn explain_image(call: &'static str) -> impl Fn(Error) -> RuntimeError {
    move |error| match explain(call)(error) {
        RuntimeError::NotFound { message } => RuntimeError::ImageNotFound { message },
        other => other,
    }
}

fn limit_of(call: &str) -> std::time::Duration {
    match call {
        "create" | "start" | "remove" | "image remove" | "volume create" | "volume remove" => {
            SLOW_CALL_TIMEOUT
        }
        _ => CALL_TIMEOUT,
    }
}

/// The innermost cause says what happened ("Connection refused"); the outer ones only that something did.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
