//! What can go wrong when talking to a container runtime.

use std::time::Duration;

/// Result of a runtime call.
pub type Result<T, E = RuntimeError> = std::result::Result<T, E>;

/// Why a runtime call failed. `Display` gives the engine's own words, fit for a task's `reason`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// No such container, volume, network or exec.
    #[error("{message}")]
    NotFound {
        /// The engine's words.
        message: String,
    },
    /// The name is taken, or the thing is in a state that forbids the call.
    #[error("{message}")]
    Conflict {
        /// The engine's words.
        message: String,
    },
    /// The image is not on the host, or the registry does not have it or does not give it to us.
    #[error("{message}")]
    ImageNotFound {
        /// The words of the engine or the registry.
        message: String,
    },
    /// The engine cannot be reached, or went away in the middle of the call. The call may have taken effect.
    #[error("container engine unreachable: {message}")]
    ConnectionLost {
        /// What the transport said.
        message: String,
    },
    /// No answer in time. The call may still take effect.
    #[error("{call} timed out after {} s", after.as_secs_f64())]
    Timeout {
        /// What was called.
        call: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// Any other refusal of the engine.
    #[error("{message}")]
    Engine {
        /// HTTP status of the answer; 0 if there was none.
        status: u16,
        /// The engine's words.
        message: String,
    },
}

impl RuntimeError {
    /// Whether the same call may succeed later although nothing on our side changes.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. } | Self::Timeout { .. })
    }

    /// Whether the container, volume or image simply is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::ImageNotFound { .. })
    }
}
