//! AWS Certificate Manager: one file per operation in `ops/`, named as the operation.

pub mod account;
pub mod dispatch;
pub mod domain_names;
pub mod find;
pub mod ops;
pub mod quota;
pub mod tags;
pub mod view;
