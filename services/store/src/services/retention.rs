//! Forgetting what was kept long enough. Of all accounts, a bounded number at a time.

use chrono::{DateTime, Utc};

use crate::{Db, Result};

/// Removes services that became INACTIVE before `before` and have no tasks left, with their deployments and events (S-10).
pub async fn remove_inactive(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "DELETE FROM services WHERE id IN (SELECT s.id FROM services s WHERE s.status = 'INACTIVE' AND s.deleted_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.service_id = s.id) ORDER BY s.deleted_at LIMIT $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}

/// Removes deployments that are over: those that ended before `before`, and those whose task definition is to be deleted (TD-04).
/// The last COMPLETED one of a live service stays: a rollback may need it (D-22).
pub async fn remove_deployments(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "DELETE FROM deployments WHERE id IN ( \
             SELECT d.id FROM deployments d JOIN services s ON s.id = d.service_id \
             WHERE d.id IN (SELECT id FROM deployments WHERE status = 'INACTIVE' AND updated_at < $1 \
                            UNION SELECT p.id FROM task_definitions t JOIN deployments p ON p.task_definition_id = t.id \
                            WHERE t.status = 'DELETE_IN_PROGRESS') \
             AND (s.status = 'INACTIVE' OR d.status = 'INACTIVE' AND d.id IS DISTINCT FROM ( \
                 SELECT l.id FROM deployments l WHERE l.service_id = s.id AND l.rollout_state = 'COMPLETED' \
                 ORDER BY l.created_at DESC LIMIT 1)) LIMIT $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}
