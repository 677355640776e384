//! What tests share: a database of its own for each test.

pub mod postgres;

pub use postgres::TestDb;
