//! Why a request's signature is refused, in the words and codes of AWS (W-07).

use thiserror::Error;

use crate::keys::KeysError;

/// A refusal. Its text is what the client is told; except for [`AuthError::Keys`], which stays with the server.
#[derive(Debug, Error)]
pub enum AuthError {
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// A part of the signature is missing or cannot be read.
    #[error("{0}")]
    IncompleteSignature(String),
    /// An unknown or inactive key, or a session token that does not go with it.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
    /// The signature is for another scope or does not cover what it must; the text says which.
    #[error("{0}")]
    InvalidSignature(String),
    /// The time of signing is too far from the server's.
    #[error("{0}")]
    OutsideTimeWindow(String),
    /// The session that the key belongs to is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl AuthError {
    /// The code for the JSON and CBOR protocols.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature(_) => "IncompleteSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::SignatureMismatch | Self::InvalidSignature(_) | Self::OutsideTimeWindow(_) => {
                "InvalidSignatureException"
            }
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Keys(_) => "InternalFailure",
        }
    }

    /// The code for the Query protocols.
    pub fn query_code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::IncompleteSignature(_) => "IncompleteSignature",
            Self::UnrecognizedClient => "InvalidClientTokenId",
            Self::SignatureMismatch | Self::InvalidSignature(_) | Self::OutsideTimeWindow(_) => {
                "SignatureDoesNotMatch"
            }
            Self::ExpiredToken => "ExpiredToken",
            Self::Keys(_) => "InternalFailure",
        }
    }

    /// HTTP status for the JSON and CBOR protocols, which answer 400 to every fault of the client (W-02).
    pub fn status(&self) -> u16 {
        match self {
            Self::Keys(_) => 500,
            _ => 400,
        }
    }

    /// HTTP status for the Query protocols.
    pub fn query_status(&self) -> u16 {
        match self {
            Self::Keys(_) => 500,
            Self::IncompleteSignature(_) => 400,
            _ => 403,
        }
    }
}
