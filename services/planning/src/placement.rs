//! Placement: on which container instances new tasks go (P-01 to P-08, R-02, R-03, R-12, I-02 to I-05).
//!
//! A [`Cluster`] holds the hosts of one cluster and columns over them: free resources, bit sets of hosts, interned
//! attribute values, counts by task group. A request walks the columns once, which costs microseconds for thousands
//! of hosts and nothing for the number of their tasks; each further task of the same request costs a heap operation.
//!
//! The cluster is a cache of what the store holds. Placing changes it at once, so that the next task is placed
//! against the new state (P-05). When the placement could not be committed, [`Cluster::undo`] takes it back;
//! [`Cluster::insert`] puts the fresh state of a host in place of the cached one.

mod bits;
mod checks;
mod cluster;
mod column;
mod counts;
mod host;
mod index;
mod numbering;
mod order;
mod outcome;
mod picker;
mod ranking;
mod request;
mod selection;

pub use cluster::Cluster;
pub use host::Host;
pub use outcome::{Outcome, Placed, Reason, Refusal};
pub use request::{BinpackField, Constraint, MAX_STRATEGIES, Request, SpreadField, Strategy, UnknownField};
