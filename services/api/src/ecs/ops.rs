//! The operations: `ops/<operation>.rs` has
//! `pub async fn <operation>(cx: &Context, input: <Operation>Request) -> Result<<Operation>Response>`.

pub mod create_cluster;
pub mod delete_cluster;
pub mod describe_clusters;
pub mod describe_tasks;
pub mod list_clusters;
pub mod list_tasks;
pub mod run_task;
pub mod start_task;
pub mod stop_task;
pub mod update_cluster;
pub mod update_cluster_settings;
