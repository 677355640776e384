//! Network interfaces of tasks in network mode awsvpc.

use chrono::{DateTime, Utc};
use domain::Scope;
use uuid::Uuid;

use crate::{Db, Result};

/// A row of `network_interfaces` with its security groups.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NetworkInterfaceRow {
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub availability_zone: String,
    pub private_ip_address: String,
    pub mac_address: String,
    pub description: String,
    /// The service that manages it; `None`: its user does.
    pub requester_id: Option<String>,
    pub attachment_id: Option<String>,
    pub instance_id: Option<String>,
    pub attached_at: Option<DateTime<Utc>>,
    pub task_id: Option<Uuid>,
    /// Ids and names, in the same order.
    pub group_ids: Vec<String>,
    pub group_names: Vec<String>,
}

/// All network interfaces, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<NetworkInterfaceRow>> {
    super::ensure(db, scope).await?;
    let query = sqlx::query_as(
        "SELECT i.*, s.availability_zone, \
             array_remove(array_agg(g.id ORDER BY g.id), NULL) AS group_ids, \
             array_remove(array_agg(g.name ORDER BY g.id), NULL) AS group_names \
         FROM network_interfaces i JOIN subnets s ON s.id = i.subnet_id \
         LEFT JOIN network_interface_groups n ON n.network_interface_id = i.id \
         LEFT JOIN security_groups g ON g.id = n.security_group_id \
         WHERE i.account = $1 AND i.region = $2 GROUP BY i.id, s.availability_zone ORDER BY i.id",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}
