//! The planner of rolling deployments against rules, transcripts and random worlds.
#![allow(clippy::unwrap_used)]

mod breaker;
mod daemon;
mod hooks;
mod life;
mod properties;
mod rules;
mod scaling;
mod scenarios;
mod shifting;
mod sim;
mod targets;
mod texts;
