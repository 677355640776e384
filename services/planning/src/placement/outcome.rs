//! What came of a request: where tasks go, and why hosts were refused.

use std::fmt;

use domain::ContainerInstanceId;

/// A task was given a host; the cluster counts what it needs as used from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub host: ContainerInstanceId,
    /// Revision of the host's row that the choice is based on, to be checked at commit.
    pub revision: i64,
    /// Ids of the GPUs that are the task's own.
    pub gpus: Vec<String>,
    /// Which writing of the host into the cluster the choice is based on; see [`super::Cluster::undo`].
    pub(super) writing: u64,
}

/// What came of placing a number of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// One for each task that found a host, in the order of placing.
    pub placed: Vec<Placed>,
    /// Where not all tasks found a host: one for each ACTIVE host, against the state after the last placed task.
    pub refusals: Vec<Refusal>,
}

/// A host could not take a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub host: ContainerInstanceId,
    /// The first thing it lacks, by the order of [`Reason`].
    pub reason: Reason,
    /// How many things it lacks.
    pub unmet: u8,
}

/// Why a host cannot take a task, in the order in which hosts are checked (P-01, R-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No such host. Only where hosts are named.
    Missing,
    /// The host is not ACTIVE. Only where hosts are named; else such hosts are not looked at.
    Inactive,
    /// The host's agent is not connected (I-05).
    Agent,
    Cpu,
    Memory,
    Gpu,
    /// Another task holds a host port that the task needs.
    Ports,
    /// An attribute that the task definition requires is missing.
    Attribute,
    /// The expression of a memberOf constraint is not true.
    MemberOf,
    /// Another task of the group is there.
    DistinctInstance,
}

impl Reason {
    /// The `reason` of an entry in `failures[]`.
    pub const fn as_failure(self) -> &'static str {
        match self {
            Reason::Missing => "MISSING",
            Reason::Inactive => "INACTIVE",
            Reason::Agent => "AGENT",
            Reason::Cpu => "RESOURCE:CPU",
            Reason::Memory => "RESOURCE:MEMORY",
            Reason::Gpu => "RESOURCE:GPU",
            Reason::Ports => "RESOURCE:PORTS",
            Reason::Attribute => "ATTRIBUTE",
            Reason::MemberOf => "MemberOf placement constraint unsatisfied.",
            Reason::DistinctInstance => "DistinctInstance placement constraint unsatisfied.",
        }
    }

    /// The predicate of the sentence about the closest matching instance in an event of a service (S-42).
    pub const fn why(self) -> &'static str {
        match self {
            Reason::Cpu => "has insufficient CPU units available",
            Reason::Memory => "has insufficient memory available",
            Reason::Ports => "is already using a port required by your task",
            Reason::Attribute => "is missing an attribute required by your task",
            Reason::Missing => "encountered error \"MISSING\"",
            Reason::Inactive => "encountered error \"INACTIVE\"",
            Reason::Agent => "encountered error \"AGENT\"",
            Reason::Gpu => "encountered error \"RESOURCE:GPU\"",
            Reason::MemberOf => "encountered error \"MemberOf placement constraint unsatisfied.\"",
            Reason::DistinctInstance => {
                "encountered error \"DistinctInstance placement constraint unsatisfied.\""
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_failure())
    }
}

impl Outcome {
    /// The refused host that comes closest: with the fewest unmet needs, then the one that passed the most checks.
    pub fn closest(&self) -> Option<&Refusal> {
        self.refusals
            .iter()
            .min_by_key(|r| (r.unmet, std::cmp::Reverse(r.reason), r.host))
    }

    /// True when tasks were asked for and no host could be looked at: "No Container Instances were found in your
    /// cluster." (R-03, S-42).
    pub fn found_no_instances(&self) -> bool {
        self.placed.is_empty() && self.refusals.is_empty()
    }
}

/// The sentence of a service's event (S-42), without a blank before or after.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The closest matching (container-instance {}) {}.",
            self.host,
            self.reason.why()
        )
    }
}
