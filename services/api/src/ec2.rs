//! The networks of Amazon EC2: one file per operation in `ops/`, named as the operation.

pub mod acl_entries;
pub mod codes;
pub mod dispatch;
pub mod filters;
pub mod given;
pub mod ops;
pub mod permissions;
pub mod refusal;
pub mod routes;
pub mod selection;
pub mod tags;
pub mod view;
