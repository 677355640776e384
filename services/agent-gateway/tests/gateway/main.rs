//! The gateway over real sockets and a database of its own, with a client that plays the official agent's frames (section 9 of the agent
//! protocol).

#![allow(clippy::unwrap_used)]

mod acs;
mod draining;
mod entry;
mod logs;
mod tcs;
mod world;
