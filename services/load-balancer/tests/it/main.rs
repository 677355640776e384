//! The load balancer on real sockets.
#![allow(clippy::unwrap_used)]

mod access_log;
mod authenticate;
mod balance;
mod change;
mod checks;
mod fixture;
mod handover;
mod http1;
mod http2;
mod http2_faults;
mod l4;
mod metrics;
mod parser;
mod smuggling;
mod tls;
mod world;
