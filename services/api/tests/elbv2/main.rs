//! Elastic Load Balancing's operations: section 20 of the rules.
#![allow(clippy::unwrap_used)]

mod certificates;
mod hostile;
mod lab;
mod listeners;
mod load_balancers;
mod rules;
mod tags;
mod target_groups;
mod targets;
mod world;
