//! Errors that the Query protocols have outside all models.

use crate::Error;
use crate::error::Code;

/// The service has no operation of this name (W-08).
pub fn invalid_action(operation: &str) -> Error {
    let named: String = operation.chars().take(128).collect();
    let text = format!("The action {named} is not valid for this web service.");
    Error::new(Code::client("InvalidAction"), text)
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
