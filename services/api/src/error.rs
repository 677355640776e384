//! Errors of operations, as AWS clients see them.

use std::fmt;

use aws_model::ecs::ErrorCode;
use store::StoreError;

pub type Result<T> = std::result::Result<T, Error>;

/// An error of an ECS operation: its code, the text for the client and, for faults, the hidden cause.
#[derive(Debug)]
pub struct Error {
    pub code: ErrorCode,
    pub message: String,
    /// `resourceIds` of a ConflictException.
    pub resource_ids: Vec<String>,
    /// Logged once at the edge, never sent.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            resource_ids: Vec::new(),
            source: None,
        }
    }

    pub fn client(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ClientException, message)
    }

    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterException, message)
    }

    /// C-08.
    pub fn cluster_not_found() -> Self {
        Self::new(ErrorCode::ClusterNotFoundException, "Cluster not found.")
    }

    pub fn service_not_found() -> Self {
        Self::new(ErrorCode::ServiceNotFoundException, "Service not found.")
    }

    pub fn service_not_active() -> Self {
        Self::new(ErrorCode::ServiceNotActiveException, "Service was not ACTIVE.")
    }

    /// Same client token, other parameters.
    pub fn conflict(message: impl Into<String>, resource_ids: Vec<String>) -> Self {
        Self {
            resource_ids,
            ..Self::new(ErrorCode::ConflictException, message)
        }
    }

    /// A fault of ours: the client learns nothing but the request id.
    pub fn server(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(
                ErrorCode::ServerException,
                "Service Unavailable. Please try again later.",
            )
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::server(error)
    }
}
