//! What the whole does over time, with simulated hosts.
#![allow(clippy::unwrap_used)]

mod capabilities;
mod daemons;
mod failing;
mod harness;
mod hosts;
mod images;
mod placement;
mod rolling;
mod servers;
mod tasks;
