//! Errors of operations, as AWS clients see them.

use std::fmt;

use aws_model::{acm, ecs, elbv2};
use store::StoreError;

pub type Result<T> = std::result::Result<T, Error>;

/// An error's name on the wire and the HTTP status that goes with it. Made from a service's generated `ErrorCode`, or by hand where
/// the service's model does not have the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    name: &'static str,
    status: u16,
}

impl Code {
    /// A fault of ours. At the edge it becomes what the service calls that.
    pub const FAULT: Self = Self::with_status("ServerException", 500);

    /// A fault of the client: status 400.
    pub const fn client(name: &'static str) -> Self {
        Self::with_status(name, 400)
    }

    pub const fn with_status(name: &'static str, status: u16) -> Self {
        Self { name, status }
    }

    /// Such as `ClusterNotFoundException`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.status
    }
}

macro_rules! from_error_codes {
    ($($service:ident),*) => {$(
        impl From<$service::ErrorCode> for Code {
            fn from(code: $service::ErrorCode) -> Self {
                Self::with_status(code.name(), code.status())
            }
        }

        impl PartialEq<$service::ErrorCode> for Code {
            fn eq(&self, other: &$service::ErrorCode) -> bool {
                *self == Self::from(*other)
            }
        }
    )*};
}
from_error_codes!(acm, ecs, elbv2);

/// An operation's error: its code, the text for the client and, for faults, the hidden cause.
#[derive(Debug)]
pub struct Error {
    pub code: Code,
    pub message: String,
    /// `resourceIds` of an ECS ConflictException.
    pub resource_ids: Vec<String>,
    /// Logged once at the edge, never sent.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            resource_ids: Vec::new(),
            source: None,
        }
    }

    /// A fault of ours: the client learns nothing but the request id.
    pub fn server(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::FAULT, "Service Unavailable. Please try again later.")
        }
    }
}

/// Of Elastic Load Balancing.
impl Error {
    /// A value that the service does not take. The code is not in its model.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::client("ValidationError"), message)
    }
}

/// Of ECS.
impl Error {
    pub fn client(message: impl Into<String>) -> Self {
        Self::new(ecs::ErrorCode::ClientException, message)
    }

    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(ecs::ErrorCode::InvalidParameterException, message)
    }

    /// C-08.
    pub fn cluster_not_found() -> Self {
        Self::new(ecs::ErrorCode::ClusterNotFoundException, "Cluster not found.")
    }

    pub fn service_not_found() -> Self {
        Self::new(ecs::ErrorCode::ServiceNotFoundException, "Service not found.")
    }

    pub fn service_not_active() -> Self {
        Self::new(
            ecs::ErrorCode::ServiceNotActiveException,
            "Service was not ACTIVE.",
        )
    }

    /// Same client token, other parameters.
    pub fn conflict(message: impl Into<String>, resource_ids: Vec<String>) -> Self {
        Self {
            resource_ids,
            ..Self::new(ecs::ErrorCode::ConflictException, message)
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
