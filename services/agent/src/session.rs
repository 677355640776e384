//! Sessions with the server: registration, the two websockets and state reports, in the official agent's protocol.

pub mod acs;
pub mod api;
pub mod capabilities;
pub mod channel;
mod handshake;
mod inbox;
pub mod link;
pub mod registration;
pub mod samples;
pub mod signer;
pub mod submit;
pub mod tcs;
mod telemetry;
