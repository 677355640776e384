//! Why a container or a task could not go on, under the names that users search for (T-31).

/// Error names in front of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    CannotPullContainer,
    CannotCreateContainer,
    CannotStartContainer,
    CannotStopContainer,
    CannotInspectContainer,
    CannotCreateVolume,
    DockerTimeout,
    ResourceInitialization,
    TaskDependency,
    HostConfig,
    ContainerVanished,
    OutOfMemory,
    TaskState,
    UnrecognizedTask,
}

impl FailureKind {
    /// The name as ECS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CannotPullContainer => "CannotPullContainerError",
            Self::CannotCreateContainer => "CannotCreateContainerError",
            Self::CannotStartContainer => "CannotStartContainerError",
            Self::CannotStopContainer => "CannotStopContainerError",
            Self::CannotInspectContainer => "CannotInspectContainerError",
            Self::CannotCreateVolume => "CannotCreateVolumeError",
            Self::DockerTimeout => "DockerTimeoutError",
            Self::ResourceInitialization => "ResourceInitializationError",
            Self::TaskDependency => "TaskDependencyError",
            Self::HostConfig => "HostConfigError",
            Self::ContainerVanished => "ContainerVanishedError",
            Self::OutOfMemory => "OutOfMemoryError",
            Self::TaskState => "TaskStateError",
            // The official agent spells it so, and the protocol is what it speaks.
            Self::UnrecognizedTask => "UnrecogniedTaskError",
        }
    }
}

/// A named reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", kind.as_str())]
pub struct Failure {
    pub kind: FailureKind,
    pub text: String,
}

impl Failure {
    pub fn new(kind: FailureKind, text: impl std::fmt::Display) -> Self {
        Self {
            kind,
            text: text.to_string(),
        }
    }

    /// Something that a task needs before its first container could not be had (T-32).
    pub fn resource(text: impl std::fmt::Display) -> Self {
        Self::new(FailureKind::ResourceInitialization, text)
    }

    /// A step took longer than it may.
    pub fn timed_out(state: &str, limit: std::time::Duration) -> Self {
        let text = format!(
            "Could not transition to {state}; timed out after waiting {}",
            go_duration(limit)
        );
        Self::new(FailureKind::DockerTimeout, text)
    }

    pub fn out_of_memory() -> Self {
        Self::new(FailureKind::OutOfMemory, "Container killed due to memory usage")
    }
}

/// Hours, minutes and seconds as the official agent writes them: `3m0s`, `2h0m0s`.
fn go_duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn t31_texts_are_those_that_users_search_for() {
        assert_eq!(
            Failure::out_of_memory().to_string(),
            "OutOfMemoryError: Container killed due to memory usage"
        );
        assert_eq!(
            Failure::timed_out("started", Duration::from_secs(180)).to_string(),
            "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s"
        );
        assert_eq!(go_duration(Duration::from_secs(7261)), "2h1m1s");
        assert_eq!(go_duration(Duration::from_secs(9)), "9s");
    }
}
