//! Amazon ECS: one file per operation in `ops/`, named as the operation.

pub mod attributes;
pub mod cluster_input;
pub mod dispatch;
pub mod find;
pub mod ops;
pub mod paging;
pub mod service_deployment_arn;
pub mod service_input;
pub mod settings;
pub mod tag_target;
pub mod tags;
pub mod task_definition;
pub mod task_input;
pub mod view;
