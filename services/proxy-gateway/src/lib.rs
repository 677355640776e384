//! Sessions of proxies: route snapshots out, health and metrics in; and what people are shown of both (`berth lb`).
//!
//! One loader reads what changed and keeps a picture of all that proxies may have to know. A session compares it with what it has sent
//! and sends the newest of each row, so that a slow proxy holds up nobody and never gets what is outdated already.

mod entry;
mod gateway;
mod keeper;
mod loader;
pub mod overview;
mod picture;
mod sealed;
mod session;

pub use gateway::{ProxyGateway, Settings};
