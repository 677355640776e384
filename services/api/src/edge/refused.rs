//! Signatures that are refused, as errors of the protocol that the client speaks (W-07).

use auth::AuthError;
use aws_model::Protocol;

use super::Tongue;
use crate::Error;
use crate::error::Code;

/// The error for a request whose signature is not accepted. EC2 has codes of its own.
pub fn refused(tongue: Tongue, error: AuthError) -> Error {
    let code = match tongue {
        Tongue::Json => Code::with_status(error.code(), error.status()),
        Tongue::Xml(Some(service)) if service.model.protocol == Protocol::Ec2 => ec2(&error),
        Tongue::Xml(_) => Code::with_status(error.query_code(), error.query_status()),
    };
    match error {
        AuthError::Keys(_) => Error {
            source: Some(Box::new(error)),
            ..Error::new(code, "Service Unavailable. Please try again later.")
        },
        other => Error::new(code, other.to_string()),
    }
}

fn ec2(error: &AuthError) -> Code {
    match error {
        AuthError::UnrecognizedClient | AuthError::SignatureMismatch | AuthError::InvalidSignature(_) => {
            Code::with_status("AuthFailure", 401)
        }
        AuthError::OutsideTimeWindow(_) => Code::client("RequestExpired"),
        AuthError::Keys(_) => crate::ec2::codes::INTERNAL_ERROR,
        other => Code::with_status(other.query_code(), other.query_status()),
    }
}
