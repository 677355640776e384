//! Rows as the API shows them.

pub mod cluster;
pub mod container_instance;
pub mod service;
pub mod service_deployment;
pub mod task;
