//! The load balancer's data plane: takes connections on the listeners of a route snapshot and brings requests to healthy targets.
//! It goes on serving with what it has when the server is gone, and never links the database.

pub mod access_log;
pub mod balance;
pub mod checks;
pub mod handover;
pub mod hold;
pub mod http;
mod idle;
pub mod l4;
pub mod listeners;
pub mod metrics;
pub mod plane;
pub mod pool;
pub mod proxy;
mod random;
pub mod record;
pub mod session;
pub mod state;
pub mod tls;
pub mod wire;
