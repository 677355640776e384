//! What containers do, as it happens.

use crate::container::{ContainerId, HealthState};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// A label that a container must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// Name of the label.
    pub name: String,
    /// Its value; absent: any.
    pub value: Option<String>,
}

impl LabelFilter {
    /// The label with any value.
    pub fn exists(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
        }
    }

    /// The label with this value.
    pub fn equals(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
        }
    }

    /// Whether a set of labels has it.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match (&self.value, labels.get(&self.name)) {
            (None, found) => found.is_some(),
            (Some(value), found) => found == Some(value),
        }
    }
}

/// What a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEventKind {
    /// It was made.
    Create,
    /// Its process started.
    Start,
    /// Its process ended.
    Die {
        /// The exit code; 128 + signal if it was killed by one.
        exit_code: i64,
    },
    /// The kernel killed a process of it for memory; under the common limit of a task perhaps of its neighbour.
    /// `Die` follows if that was the main one.
    Oom,
    /// The verdict of its health check changed.
    Health(HealthState),
    /// It was removed.
    Destroy,
}

/// One event of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The container.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image reference it was made with.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When, by the engine's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: ContainerEventKind,
}

/// What a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A container did something.
    Container(ContainerEvent),
    /// The subscription broke and stands again. Engines forget old events (Docker keeps 256, and none over its
    /// own restart): look at all containers of interest once more.
    Resubscribed,
}
