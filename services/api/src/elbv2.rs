//! Elastic Load Balancing, version 2: one file per operation in `ops/`, named as the operation.

pub mod dispatch;
pub mod ops;
