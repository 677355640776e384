//! Rows as the API shows them.

pub mod cluster;
pub mod task;
