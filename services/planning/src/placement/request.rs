//! What is to be placed.

use std::convert::Infallible;
use std::str::FromStr;

use domain::Resources;
use thiserror::Error;

use crate::query::Expression;

/// Greatest number of strategies of a request (P-03).
pub const MAX_STRATEGIES: usize = 5;

/// The name of the attribute that tells a host's availability zone (P-07).
const AVAILABILITY_ZONE: &str = "ecs.availability-zone";

/// What a task needs of its host, and how to choose among the hosts that have it. Tasks alike are placed by one request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `service:<name>` for a task of a service, else the task's group; distinctInstance and spread count by it.
    pub group: String,
    /// Taken from the host until the task is STOPPED (I-03). Negative amounts count as none.
    pub resources: Resources,
    /// `requiresAttributes` of the task definition: the host has to have the name, with the value if one is given.
    pub required_attributes: Vec<(String, Option<String>)>,
    /// Those of the task definition and those of the call; all of them bind.
    pub constraints: Vec<Constraint>,
    /// Applied in sequence, the next splitting ties, the last ties split at random; at most [`MAX_STRATEGIES`].
    pub strategies: Vec<Strategy>,
    /// What an empty list of strategies means: spread over zones, then over hosts (a service) or at random in the
    /// zone (a task on its own) (P-04).
    pub default_spread: bool,
}

/// What a host has to satisfy beside having room (P-02).
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// No other task of the same group on the host.
    DistinctInstance,
    /// The expression is true for the host.
    MemberOf(Expression),
}

/// How to choose among the hosts that fit (P-03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    Random,
    /// Where the fewest tasks of the group are. Tasks on hosts that are not ACTIVE do not count: they are on their
    /// way elsewhere.
    Spread(SpreadField),
    /// Where the least remains.
    Binpack(BinpackField),
}

/// Over what tasks are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpreadField {
    /// `instanceId`, also written `host`.
    Instance,
    /// `attribute:<name>`, or just the name. Hosts lacking the attribute are a group of their own (P-03).
    Attribute(String),
}

/// What is filled up host by host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinpackField {
    Cpu,
    Memory,
}

/// The field of a binpack strategy is neither `cpu` nor `memory`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("binpack goes by cpu or memory, not by '{0}'")]
pub struct UnknownField(pub String);

impl FromStr for SpreadField {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text.eq_ignore_ascii_case("instanceId") || text.eq_ignore_ascii_case("host") {
            return Ok(SpreadField::Instance);
        }
        let name = text.strip_prefix("attribute:").unwrap_or(text);
        Ok(SpreadField::Attribute(name.to_owned()))
    }
}

impl FromStr for BinpackField {
    type Err = UnknownField;
    fn from_str(text: &str) -> Result<Self, UnknownField> {
        match text.to_ascii_lowercase().as_str() {
            "cpu" => Ok(BinpackField::Cpu),
            "memory" => Ok(BinpackField::Memory),
            _ => Err(UnknownField(text.to_owned())),
        }
    }
}

impl Request {
    /// The strategies in force: the given ones, else the default ones (P-04).
    pub(super) fn effective_strategies(&self) -> Vec<Strategy> {
        if !self.strategies.is_empty() {
            return self.strategies.clone();
        }
        let within_zone = match self.default_spread {
            true => Strategy::Spread(SpreadField::Instance),
            false => Strategy::Random,
        };
        vec![
            Strategy::Spread(SpreadField::Attribute(AVAILABILITY_ZONE.to_owned())),
            within_zone,
        ]
    }

    pub(super) fn is_distinct(&self) -> bool {
        self.constraints.contains(&Constraint::DistinctInstance)
    }

    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::MemberOf(expression) => Some(expression),
            Constraint::DistinctInstance => None,
        })
    }
}
