//! Planners: a snapshot goes in, a plan comes out. No I/O, no async, no clock and no randomness of its own.

pub mod deployment;
pub mod placement;
pub mod query;
