//! Forgetting what was kept long enough: of all accounts, a bounded number of rows in each call. Each function gives how many went.
//!
//! Rows go only when nothing refers to them any more, so the order is tasks, then what tasks refer to, clusters last.

use chrono::{DateTime, Utc};

use crate::{Db, Result};

/// Tasks that stopped before `before` (T-05). Their tags went when they stopped (TG-06).
pub async fn stopped_tasks(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE last_status = 'STOPPED' AND stopped_at < $1 \
         ORDER BY stopped_at LIMIT $2)";
    delete(db, sql, before, limit).await
}

/// Services that became INACTIVE before `before`, with their deployments and events (S-10).
pub async fn inactive_services(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM services WHERE id IN (SELECT s.id FROM services s WHERE s.status = 'INACTIVE' AND s.deleted_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.service_id = s.id) ORDER BY s.deleted_at LIMIT $2)";
    delete(db, sql, before, limit).await
}

/// Deployments that left their service's list before `before` (SD-06), and those whose task definition is to be deleted (TD-04).
/// The last COMPLETED one of a live service stays: a rollback may need it (D-22).
pub async fn finished_deployments(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM deployments WHERE id IN ( \
             SELECT d.id FROM deployments d JOIN services s ON s.id = d.service_id \
             WHERE d.status = 'INACTIVE' \
             AND d.id IN (SELECT id FROM deployments WHERE status = 'INACTIVE' AND updated_at < $1 \
                          UNION SELECT p.id FROM task_definitions t JOIN deployments p ON p.task_definition_id = t.id \
                          WHERE t.status = 'DELETE_IN_PROGRESS') \
             AND (s.status = 'INACTIVE' OR d.id IS DISTINCT FROM ( \
                 SELECT l.id FROM deployments l WHERE l.service_id = s.id AND l.rollout_state = 'COMPLETED' \
                 ORDER BY l.created_at DESC LIMIT 1)) LIMIT $2)";
    delete(db, sql, before, limit).await
}

/// Clusters that became INACTIVE before `before` (C-03).
pub async fn inactive_clusters(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM clusters WHERE id IN (SELECT c.id FROM clusters c WHERE c.status = 'INACTIVE' AND c.deleted_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.cluster_id = c.id) \
         AND NOT EXISTS (SELECT 1 FROM services s WHERE s.cluster_id = c.id) \
         AND NOT EXISTS (SELECT 1 FROM container_instances i WHERE i.cluster_id = c.id) LIMIT $2)";
    delete(db, sql, before, limit).await
}

/// Idempotency tokens that were first used before `before`. Clients send one with every call, so there are many.
pub async fn tokens(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM idempotency_tokens WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_tokens WHERE created_at < $1 \
         ORDER BY created_at LIMIT $2))";
    delete(db, sql, before, limit).await
}

/// Counts of load balancers by minutes before `before`, as long as CloudWatch keeps them (LB-40).
pub async fn balancer_metrics(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM balancer_metrics WHERE ctid = ANY(ARRAY(SELECT ctid FROM balancer_metrics WHERE minute < $1 \
         ORDER BY minute LIMIT $2))";
    delete(db, sql, before, limit).await
}

/// Which reports of proxies were counted, of processes that have not reported since `before`.
pub async fn proxy_reports(db: &Db, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM proxy_reports WHERE ctid = ANY(ARRAY(SELECT ctid FROM proxy_reports WHERE at < $1 LIMIT $2))";
    delete(db, sql, before, limit).await
}

async fn delete(db: &Db, sql: &'static str, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(sql)
        .bind(before)
        .bind(limit)
        .execute(db.pool())
        .await?;
    Ok(done.rows_affected())
}
