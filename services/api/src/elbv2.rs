//! Elastic Load Balancing, version 2: one file per operation in `ops/`, named as the operation.

pub mod actions;
pub mod attributes;
pub mod capacity;
pub mod conditions;
pub mod dispatch;
pub mod find;
pub mod health_check;
pub mod ids;
pub mod limits;
pub mod listener_attributes;
pub mod listener_spec;
pub mod listener_view;
pub mod listeners;
pub mod networks;
pub mod ops;
pub mod paging;
pub mod tags;
pub mod target_key;
pub mod transforms;
pub mod trust_bundle;
pub mod trust_stores;
pub mod view;
