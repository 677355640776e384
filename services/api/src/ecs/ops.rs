//! The operations: `ops/<operation>.rs` has
//! `pub async fn <operation>(cx: &Context, input: <Operation>Request) -> Result<<Operation>Response>`.

pub mod create_cluster;
pub mod delete_cluster;
pub mod describe_clusters;
pub mod list_clusters;
pub mod update_cluster;
pub mod update_cluster_settings;
