//! The wire protocol between an ECS agent and its control plane: both websockets (ACS and TCS), the
//! task payload they carry, the connect query, refusals, and the state reports.
//!
//! Every type is written for both sides: the control plane encodes what an agent decodes and the other
//! way round. Decoding is as lenient as the official agent's (unknown members and unknown message types
//! are passed over, `null` means absent, unknown enum words are kept in `Other`); encoding gives
//! camelCase members and leaves absent ones out. Nothing here does I/O.

mod wire;

pub mod acs;
pub mod connect;
pub mod credentials;
pub mod refusal;
pub mod state_change;
pub mod task;
pub mod tcs;

pub use acs::{AcsFromAgent, AcsToAgent};
pub use connect::{AcsConnect, ConnectQueryError, TcsConnect};
pub use credentials::{RoleCredentials, RoleType};
pub use refusal::{Refusal, RefusalKind};
pub use task::Task;
pub use tcs::{TcsFromAgent, TcsToAgent};
pub use wire::DecodeError;
