//! The states of tasks, containers, instances and services, in the order in which they are passed through.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $(#[serde(rename = $text)] $variant),+ }
        impl $name {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word that the API uses.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text { $($text => Ok(Self::$variant),)+ other => Err(format!("'{other}' is no {}", stringify!($name))) }
            }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> { text.parse() }
        }
    };
}

statuses! {
    /// `lastStatus` of a task (T-01). Ordered: a task only ever moves to a greater one.
    TaskStatus {
        Provisioning = "PROVISIONING",
        Pending = "PENDING",
        Activating = "ACTIVATING",
        Running = "RUNNING",
        Deactivating = "DEACTIVATING",
        Stopping = "STOPPING",
        Deprovisioning = "DEPROVISIONING",
        Stopped = "STOPPED",
    }
}

statuses! {
    /// What the control plane wants of a task (T-02). Only ever moves from RUNNING to STOPPED.
    DesiredStatus { Running = "RUNNING", Stopped = "STOPPED" }
}

statuses! {
    /// `lastStatus` of a container as users see it (T-07). Ordered.
    ContainerStatus { Pending = "PENDING", Running = "RUNNING", Stopped = "STOPPED" }
}

statuses! {
    /// Health of a container or of a task (T-50, T-51).
    HealthStatus { Healthy = "HEALTHY", Unhealthy = "UNHEALTHY", Unknown = "UNKNOWN" }
}

statuses! {
    /// Status of a container instance (I-01).
    InstanceStatus {
        Registering = "REGISTERING",
        Active = "ACTIVE",
        Draining = "DRAINING",
        Deregistering = "DEREGISTERING",
        Inactive = "INACTIVE",
        RegistrationFailed = "REGISTRATION_FAILED",
    }
}

statuses! {
    /// Status of a service (S-10).
    ServiceStatus { Active = "ACTIVE", Draining = "DRAINING", Inactive = "INACTIVE" }
}

impl HealthStatus {
    /// Health of a task from its essential containers, by priority: any UNHEALTHY, else any UNKNOWN, else HEALTHY (T-51).
    pub fn of_task(essential: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
        let mut worst = None;
        for health in essential {
            worst = match (worst, health) {
                (_, HealthStatus::Unhealthy) | (Some(HealthStatus::Unhealthy), _) => {
                    Some(HealthStatus::Unhealthy)
                }
                (_, HealthStatus::Unknown) | (Some(HealthStatus::Unknown), _) => Some(HealthStatus::Unknown),
                _ => Some(HealthStatus::Healthy),
            };
        }
        worst.unwrap_or(HealthStatus::Unknown)
    }
}

impl TaskStatus {
    /// On the way to RUNNING: counted as pending (C-06, S-22).
    pub fn is_pending(self) -> bool {
        self < TaskStatus::Running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t01_task_states_are_ordered_left_to_right() {
        assert!(TaskStatus::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn t51_task_health_is_the_worst_of_its_essential_containers() {
        use HealthStatus::{Healthy, Unhealthy, Unknown};
        let table = [
            (vec![], Unknown),
            (vec![Healthy], Healthy),
            (vec![Healthy, Unknown], Unknown),
            (vec![Unknown, Healthy], Unknown),
            (vec![Unhealthy, Unknown, Healthy], Unhealthy),
            (vec![Healthy, Unknown, Unhealthy], Unhealthy),
        ];
        for (essential, task) in table {
            assert_eq!(HealthStatus::of_task(essential.clone()), task, "{essential:?}");
        }
    }
}
