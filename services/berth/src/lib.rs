//! The roles of Berth, assembled: the control plane, the agent of a host, and both together with a database of their own.

pub mod config;
pub mod control_plane;
pub mod host;
mod http;
pub mod keys;
pub mod lb;
pub mod postgres;
pub mod proxy;
