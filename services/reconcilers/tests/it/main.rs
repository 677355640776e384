//! The loops against a real database, with hosts whose agents are played by the test.
#![allow(clippy::unwrap_used)]

mod balanced;
mod balancers;
mod certificates;
mod daemons;
mod deployments;
mod drains;
mod faults;
mod health;
mod hooks;
mod hosts;
mod lab;
mod leadership;
mod retention;
mod scaling;
mod shifting;
mod sleepers;
