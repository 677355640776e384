//! Everything that Berth remembers, in Postgres: one module per aggregate, concrete SQL, no trait per table.
//!
//! Functions take the [`Db`] (or an open transaction) and then the [`domain::Scope`] whose rows they may see; the few that look
//! across accounts (reconcilers, agent sessions) say so in their name or documentation.

pub mod access_keys;
pub mod acme;
pub mod certificates;
pub mod clusters;
pub mod db;
pub mod elb_resources;
pub mod error;
pub mod instances;
pub mod launch;
pub mod leadership;
pub mod leases;
pub mod listeners;
pub mod load_balancers;
pub mod networks;
pub mod placement;
pub mod proxies;
pub mod reset;
pub mod retention;
pub mod routes;
pub mod rules;
pub mod services;
pub mod settings;
pub mod sleepers;
pub mod tags;
pub mod target_groups;
pub mod targets;
pub mod task_definitions;
pub mod task_reports;
pub mod tasks;
pub mod tokens;
pub mod trust_stores;
pub mod wake;

pub use db::{Db, Tx};
pub use error::{Result, StoreError};
pub use wake::{Wake, Wakes};
