//! The operations: `ops/<operation>.rs` has
//! `pub async fn <operation>(cx: &Context, input: <Operation>Request) -> Result<<Operation>Response>`.

pub mod create_cluster;
pub mod create_service;
pub mod delete_attributes;
pub mod delete_cluster;
pub mod delete_service;
pub mod deregister_container_instance;
pub mod describe_clusters;
pub mod describe_container_instances;
pub mod describe_services;
pub mod describe_tasks;
pub mod discover_poll_endpoint;
pub mod list_attributes;
pub mod list_clusters;
pub mod list_container_instances;
pub mod list_services;
pub mod list_tasks;
pub mod put_attributes;
pub mod register_container_instance;
pub mod run_task;
pub mod start_task;
pub mod stop_task;
pub mod submit_attachment_state_changes;
pub mod submit_container_state_change;
pub mod submit_task_state_change;
pub mod update_cluster;
pub mod update_cluster_settings;
pub mod update_container_agent;
pub mod update_container_instances_state;
pub mod update_service;
