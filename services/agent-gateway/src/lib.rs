//! Agents' websockets: what should run goes out (ACS), how things are comes in (TCS). Serves the official ECS agent and ours alike;
//! `ecs-agent-protocol` in the numbers below is the wire protocol's reference.
//!
//! A session owns its socket and nothing else. What it has to say is read from the database by one dispatcher for all sessions that
//! were woken; state reports arrive over the ECS API.

mod acs;
mod definitions;
mod dispatcher;
mod entry;
mod gateway;
mod lease;
mod log_mode;
pub mod payload;
mod tcs;

pub use gateway::Gateway;
pub use log_mode::LogDriverMode;
