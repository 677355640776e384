//! An empty Berth, as after a fresh start.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::wake::Wake;
use crate::{Db, Result};

/// Longest wait for containers to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Stops all tasks, waits until the agents that are connected have stopped their containers, then removes every resource of all
/// accounts and regions. Container instances whose agent is connected stay, with the cluster they are in.
///
/// # Errors
/// When the database fails, or containers are still running after two minutes.
pub async fn reset(db: &Db, now: DateTime<Utc>) -> Result<()> {
    stop_everything(db, now).await?;
    let mut tx = db.begin().await?;
    // Nobody places or reports anything in between.
    sqlx::query("LOCK TABLE tasks, container_instances, services, clusters IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await?;
    let statements = [
        "DELETE FROM tasks",
        "DELETE FROM service_events",
        "DELETE FROM deployments",
        "DELETE FROM services",
        "DELETE FROM task_definitions",
        "DELETE FROM task_definition_families",
        "DELETE FROM idempotency_tokens",
        "DELETE FROM account_settings",
        "DELETE FROM tags",
        "DELETE FROM container_instances WHERE NOT agent_connected OR status = 'INACTIVE'",
        "UPDATE container_instances SET status = 'ACTIVE', used_cpu = 0, used_memory = 0, used_ports = reserved_ports, \
             used_ports_udp = reserved_ports_udp, used_gpus = '{}', task_groups = '{}', revision = revision + 1",
        "DELETE FROM clusters c WHERE NOT EXISTS (SELECT 1 FROM container_instances i WHERE i.cluster_id = c.id)",
        "UPDATE clusters SET configuration = NULL, service_connect_defaults = NULL, \
             settings = '[{\"name\": \"containerInsights\", \"value\": \"disabled\"}]'",
    ];
    for statement in statements {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    db.commit(tx, [Wake::Everything]).await
}

/// Services first, so that nothing is started again; then every task. Returns when no connected host has a task left.
async fn stop_everything(db: &Db, now: DateTime<Utc>) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("UPDATE services SET desired_count = 0, status = 'DRAINING', generation = generation + 1 WHERE status = 'ACTIVE'")
        .execute(&mut *tx)
        .await?;
    let stopped = sqlx::query(
        "UPDATE tasks SET desired_status = 'STOPPED', stopping_at = coalesce(stopping_at, $1), version = version + 1, \
             stop_code = coalesce(stop_code, 'UserInitiated'), stopped_reason = coalesce(stopped_reason, 'Task stopped by user') \
         WHERE desired_status = 'RUNNING'",
    )
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let wake = (stopped.rows_affected() > 0).then_some(Wake::Everything);
    db.commit(tx, wake).await?;

    let deadline = tokio::time::Instant::now() + PATIENCE;
    while any_left(db).await? {
        if tokio::time::Instant::now() > deadline {
            return Err(crate::StoreError::Contended {
                act: "stop all containers",
                attempts: 1,
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn any_left(db: &Db) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM tasks t JOIN container_instances i ON i.id = t.instance_id \
         WHERE t.last_status <> 'STOPPED' AND i.agent_connected)",
    );
    Ok(query.fetch_one(db.pool()).await?)
}
