//! Reading tasks.

use domain::{DesiredStatus, TaskId};
use uuid::Uuid;

use super::{COLUMNS, TaskRow};
use crate::{Db, Result};

/// What ListTasks filters by (T-02, T-21).
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub instance: Option<Uuid>,
    pub family: Option<String>,
    pub started_by: Option<String>,
    /// Row id.
    pub service: Option<i64>,
    pub launch_type: Option<String>,
}

/// Tasks of a cluster by id. The caller has checked that the cluster is the tenant's.
pub async fn by_ids(db: &Db, cluster_id: i64, ids: &[TaskId]) -> Result<Vec<TaskRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let sql = format!("SELECT {COLUMNS} FROM tasks WHERE id = ANY($1) AND cluster_id = $2");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ids)
        .bind(cluster_id);
    Ok(query.fetch_all(db.pool()).await?)
}

/// One page of task ids in their order, after `after`.
pub async fn list(
    db: &Db,
    cluster_id: i64,
    desired: DesiredStatus,
    filter: &ListFilter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Uuid>> {
    // The literal lets Postgres take the partial index of this status.
    let of_status = match desired {
        DesiredStatus::Running => "t.desired_status = 'RUNNING'",
        DesiredStatus::Stopped => "t.desired_status = 'STOPPED'",
    };
    let sql = format!(
        "SELECT t.id FROM tasks t WHERE t.cluster_id = $1 AND {of_status} AND ($2::uuid IS NULL OR t.id > $2) \
         AND ($3::uuid IS NULL OR t.instance_id = $3) AND ($4::text IS NULL OR t.started_by = $4) \
         AND ($5::bigint IS NULL OR t.service_id = $5) AND ($6::text IS NULL OR t.launch_type = $6) \
         AND ($7::text IS NULL OR t.task_definition_id IN \
              (SELECT d.id FROM task_definitions d JOIN clusters c ON c.account = d.account AND c.region = d.region \
               WHERE c.id = $1 AND d.family = $7)) \
         ORDER BY t.id LIMIT $8"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(after)
        .bind(filter.instance)
        .bind(filter.started_by.as_deref())
        .bind(filter.service)
        .bind(filter.launch_type.as_deref())
        .bind(filter.family.as_deref())
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}
