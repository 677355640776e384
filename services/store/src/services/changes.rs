//! What requests change about services. Each function works inside the caller's transaction.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::COLUMNS;
use super::record::{ServiceRow, ServiceSpec};
use crate::{Result, Tx};

/// What CreateService sets.
#[derive(Debug, Clone)]
pub struct NewService {
    pub name: String,
    /// REPLICA or DAEMON.
    pub scheduling_strategy: &'static str,
    pub desired_count: i32,
    pub spec: ServiceSpec,
    pub create_digest: Vec<u8>,
    pub created_by: String,
}

/// Adds the service; `None` if one of this name is there that is not INACTIVE (S-03). Waits for a parallel one to end.
pub async fn insert(
    tx: &mut Tx,
    cluster_id: i64,
    new: &NewService,
    now: DateTime<Utc>,
) -> Result<Option<ServiceRow>> {
    let sql = format!(
        "INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
         VALUES ($1, $2, 'ACTIVE', $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (cluster_id, name) WHERE status <> 'INACTIVE' DO NOTHING RETURNING {COLUMNS}"
    );
    let row = sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(&new.name)
        .bind(new.scheduling_strategy)
        .bind(new.desired_count)
        .bind(Json(&new.spec))
        .bind(&new.create_digest)
        .bind(now)
        .bind(&new.created_by)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row)
}

/// The service of this name that is not INACTIVE, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, cluster_id: i64, name: &str) -> Result<Option<ServiceRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM services WHERE cluster_id = $1 AND name = $2 AND status <> 'INACTIVE' FOR NO KEY UPDATE"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(name)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Writes status, desired count and spec of a locked row and makes the scheduler look at it. `row.generation` is the new one then.
pub async fn save(tx: &mut Tx, row: &mut ServiceRow) -> Result<()> {
    row.generation = sqlx::query_scalar(
        "UPDATE services SET status = $2, desired_count = $3, spec = $4, settled = false, generation = generation + 1 \
         WHERE id = $1 RETURNING generation",
    )
    .bind(row.id)
    .bind(row.status.as_str())
    .bind(row.desired_count)
    .bind(&row.spec)
    .fetch_one(&mut **tx)
    .await?;
    // The PRIMARY deployment wants what the service wants (D-10, D-14).
    sqlx::query("UPDATE deployments SET desired_count = $2 WHERE service_id = $1 AND status = 'PRIMARY'")
        .bind(row.id)
        .bind(row.desired_count)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
