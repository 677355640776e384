//! What tests share: a database of its own for each test, and with the feature `api` the operations of a server on it.

#[cfg(feature = "api")]
pub mod api;
pub mod postgres;

#[cfg(feature = "api")]
pub use api::{Refusal, TestApi};
pub use postgres::TestDb;
