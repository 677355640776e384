//! An empty Berth, as after a fresh start.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::wake::Wake;
use crate::{Db, Result, StoreError, Tx};

/// Longest wait for containers to stop.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);
/// SQLSTATE of a lock that would have to be waited for.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Stops all tasks, waits until the agents that are connected have stopped their containers, then removes every resource of all
/// accounts and regions. Container instances whose agent is connected stay, with the cluster they are in.
///
/// # Errors
/// When the database fails, or containers are still running after two minutes.
pub async fn reset(db: &Db, now: DateTime<Utc>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    stop_everything(db, now, deadline).await?;
    let mut tx = alone(db, deadline).await?;
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
        "DELETE FROM load_balancers",
        "DELETE FROM balancer_metrics",
        "DELETE FROM target_groups",
        "DELETE FROM trust_stores",
        "DELETE FROM certificates",
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
    crate::networks::remove_everything(&mut tx).await?;
    db.commit(tx, [Wake::Everything]).await
}

/// A transaction beside which nobody places or reports anything. It never waits for others while it holds locks of its own, for they
/// take the tables in other orders.
async fn alone(db: &Db, deadline: Instant) -> Result<Tx> {
    loop {
        let mut tx = db.begin().await?;
        let locked =
            sqlx::query("LOCK TABLE services, tasks, container_instances, clusters IN EXCLUSIVE MODE NOWAIT")
                .execute(&mut *tx)
                .await;
        match locked {
            Ok(_) => return Ok(tx),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {}
            Err(error) => return Err(error.into()),
        }
        tx.rollback().await?;
        pause(deadline, "have the tables alone").await?;
    }
}

/// Services first, so that nothing is started again; then every task. Returns when no connected host has a task left.
async fn stop_everything(db: &Db, now: DateTime<Utc>, deadline: Instant) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "WITH held AS (SELECT id FROM services WHERE status = 'ACTIVE' ORDER BY id FOR UPDATE) \
         UPDATE services s SET desired_count = 0, status = 'DRAINING', generation = s.generation + 1 FROM held WHERE s.id = held.id",
    )
    .execute(&mut *tx)
    .await?;
    let stopped = sqlx::query(
        "WITH held AS (SELECT id FROM tasks WHERE desired_status = 'RUNNING' ORDER BY id FOR UPDATE) \
         UPDATE tasks t SET desired_status = 'STOPPED', stopping_at = coalesce(t.stopping_at, $1), version = t.version + 1, \
             stop_code = coalesce(t.stop_code, 'UserInitiated'), stopped_reason = coalesce(t.stopped_reason, 'Task stopped by user') \
         FROM held WHERE t.id = held.id",
    )
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let wake = (stopped.rows_affected() > 0).then_some(Wake::Everything);
    db.commit(tx, wake).await?;

    while any_left(db).await? {
        pause(deadline, "stop all containers").await?;
    }
    Ok(())
}

async fn pause(deadline: Instant, act: &'static str) -> Result<()> {
    if Instant::now() > deadline {
        return Err(StoreError::Contended { act, attempts: 1 });
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

async fn any_left(db: &Db) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM tasks t JOIN container_instances i ON i.id = t.instance_id \
         WHERE t.last_status <> 'STOPPED' AND i.agent_connected)",
    );
    Ok(query.fetch_one(db.pool()).await?)
}
