//! Tasks with what the API shows beside the row itself, in one query: DescribeTasks is the most frequent of all calls.

use chrono::{DateTime, Utc};
use domain::{Scope, TaskId};
use uuid::Uuid;

use super::{COLUMNS, TaskRow};
use crate::{Db, Result};

/// A task, the revision it is of, and the host it is on.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ShownTask {
    #[sqlx(flatten)]
    pub task: TaskRow,
    pub family: String,
    pub revision: i32,
    pub host_connected: Option<bool>,
    pub host_connected_at: Option<DateTime<Utc>>,
    pub host_availability_zone: Option<String>,
    pub host_cpu_architecture: Option<String>,
}

/// Tasks by id in the ACTIVE cluster of this name; those that are not there are left out.
pub async fn shown(db: &Db, scope: &Scope, cluster: &str, ids: &[TaskId]) -> Result<Vec<ShownTask>> {
    let columns: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| format!("t.{}", column.trim()))
        .collect();
    let sql = format!(
        "SELECT {}, d.family, d.revision, i.agent_connected AS host_connected, i.connected_at AS host_connected_at, \
             i.attributes->>'ecs.availability-zone' AS host_availability_zone, \
             i.attributes->>'ecs.cpu-architecture' AS host_cpu_architecture \
         FROM clusters c JOIN tasks t ON t.cluster_id = c.id JOIN task_definitions d ON d.id = t.task_definition_id \
         LEFT JOIN container_instances i ON i.id = t.instance_id \
         WHERE c.account = $1 AND c.region = $2 AND c.name = $3 AND c.status <> 'INACTIVE' AND t.id = ANY($4)",
        columns.join(", ")
    );
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(cluster)
        .bind(ids);
    Ok(query.fetch_all(db.pool()).await?)
}
