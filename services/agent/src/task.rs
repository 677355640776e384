//! One task on this host, from its payload to the removal of what is left of it.
//!
//! `record` is what is known and kept on disk; `machine` decides what to do next, purely; `worker` does it through
//! `actions`, saves the record and tells the server what changed.

pub mod actions;
pub mod admission;
pub mod cell;
pub mod clearing;
pub mod dependencies;
pub mod environment;
pub mod failure;
pub mod machine;
pub mod naming;
pub mod observe;
pub mod ports;
pub mod prepare;
pub mod record;
pub mod report;
pub mod spec;
pub mod steps;
pub mod volumes;
pub mod worker;
