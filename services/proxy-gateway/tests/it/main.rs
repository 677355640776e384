//! Proxies' sessions over real websockets, on a real database.
#![allow(clippy::unwrap_used)]

mod checks;
mod entry;
mod reports;
mod routes;
mod rows;
mod world;
