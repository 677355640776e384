//! The load balancer's data plane: takes connections on the listeners of a route snapshot and brings requests to healthy targets.
//! It goes on serving with what it has when the server is gone, and never links the database.

pub mod access_log;
pub mod balance;
pub mod checks;
pub mod hold;
pub mod http;
mod idle;
pub mod metrics;
pub mod plane;
pub mod pool;
mod random;
pub mod record;
pub mod state;
pub mod tls;
pub mod wire;
