//! What tests share: a database of its own for each test; with the feature `api` the operations of a server on it; with `simulation`
//! whole control planes and hosts, in this process.

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "api")]
mod balancers;
#[cfg(feature = "simulation")]
pub mod books;
#[cfg(feature = "simulation")]
pub mod client;
#[cfg(feature = "simulation")]
pub mod control_plane;
#[cfg(feature = "api")]
pub mod fleet;
pub mod postgres;
#[cfg(feature = "simulation")]
pub mod sim_hosts;
#[cfg(feature = "simulation")]
pub mod waiting;

#[cfg(feature = "api")]
pub use api::{Refusal, TestApi};
#[cfg(feature = "simulation")]
pub use client::{CallError, Client};
#[cfg(feature = "simulation")]
pub use control_plane::{ControlPlane, Settings};
#[cfg(feature = "api")]
pub use fleet::Host;
pub use postgres::TestDb;
#[cfg(feature = "simulation")]
pub use sim_hosts::{SimHost, SimHosts};
#[cfg(feature = "simulation")]
pub use waiting::{TestClock, eventually, settles};

/// Shows what is logged if `BERTH_LOG` has a filter.
#[cfg(feature = "simulation")]
pub(crate) fn log_if_asked() {
    if let Ok(filter) = std::env::var(kit::logging::FILTER_VARIABLE) {
        // The first test of the process does it for all.
        let _ = kit::logging::init(&filter, kit::LogFormat::Human);
    }
}
