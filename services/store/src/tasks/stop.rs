//! Asking tasks to stop (T-34, T-40). One that is registered in target groups is taken out of them first, and its agent hears of the stop
//! only when its targets are drained (T-43).

use chrono::{DateTime, Utc};
use domain::TaskId;
use uuid::Uuid;

use super::{COLUMNS, TaskRow};
use crate::services::{events, targets};
use crate::wake::Wake;
use crate::{Db, Result, Tx};

/// Why a task is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCause {
    /// `UserInitiated`, `ServiceSchedulerInitiated`, …
    pub code: String,
    pub reason: String,
}

/// A task that was asked to stop just now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Stopped {
    pub id: Uuid,
    pub instance_id: Option<Uuid>,
    pub service_id: Option<i64>,
    pub deployment_id: Option<i64>,
    /// Target groups that it was taken out of now, once for each target.
    #[sqlx(skip)]
    pub drained: Vec<String>,
}

/// Turns a task's desired status to STOPPED; one that is stopping or stopped stays as it is, its first cause too (T-34).
/// Gives the task as it is now, `None` if the cluster has no such task.
pub async fn stop(
    db: &Db,
    cluster_id: i64,
    id: TaskId,
    cause: &StopCause,
    now: DateTime<Utc>,
) -> Result<Option<TaskRow>> {
    let mut tx = db.begin().await?;
    // Its service is told of what drains, and services are locked before tasks.
    let service: Option<(i64, String)> = sqlx::query_as(
        "SELECT s.id, s.name FROM tasks t JOIN services s ON s.id = t.service_id WHERE t.id = $1 AND t.cluster_id = $2 \
         FOR NO KEY UPDATE OF s",
    )
    .bind(id.uuid())
    .bind(cluster_id)
    .fetch_optional(&mut *tx)
    .await?;
    let stopped = stop_many(&mut tx, &[(id, cause.clone())], now).await?;
    if let Some((service, name)) = service {
        events::add(&mut tx, service, &targets::drain_events(&name, &stopped), now).await?;
    }
    let sql = format!("SELECT {COLUMNS} FROM tasks WHERE id = $1 AND cluster_id = $2");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.uuid())
        .bind(cluster_id);
    let Some(row): Option<TaskRow> = query.fetch_optional(&mut *tx).await? else {
        // Not of this cluster: nothing may have changed.
        tx.rollback().await?;
        return Ok(None);
    };
    db.commit(tx, wakes(&stopped)).await?;
    Ok(Some(row))
}

/// The same for several tasks in the caller's transaction; gives those whose desired status changed. Send [`wakes`] at commit.
pub async fn stop_many(
    tx: &mut Tx,
    tasks: &[(TaskId, StopCause)],
    now: DateTime<Utc>,
) -> Result<Vec<Stopped>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    // Rows are locked in the order of their ids, as everywhere.
    let mut stopped: Vec<Stopped> = sqlx::query_as(
        "WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS a(id, code, reason)), \
         held AS (SELECT t.id FROM tasks t JOIN asked a ON a.id = t.id WHERE t.desired_status = 'RUNNING' ORDER BY t.id FOR UPDATE OF t) \
         UPDATE tasks t SET desired_status = 'STOPPED', stopping_at = coalesce(t.stopping_at, $4), \
             stop_code = coalesce(t.stop_code, a.code), stopped_reason = coalesce(t.stopped_reason, a.reason), version = t.version + 1 \
         FROM asked a JOIN held h ON h.id = a.id WHERE t.id = a.id AND t.desired_status = 'RUNNING' \
         RETURNING t.id, t.instance_id, t.service_id, t.deployment_id",
    )
    .bind(tasks.iter().map(|(id, _)| id.uuid()).collect::<Vec<_>>())
    .bind(tasks.iter().map(|(_, cause)| cause.code.as_str()).collect::<Vec<_>>())
    .bind(tasks.iter().map(|(_, cause)| cause.reason.as_str()).collect::<Vec<_>>())
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    drain(tx, &mut stopped, now).await?;
    Ok(stopped)
}

/// Takes tasks of services out of their target groups; they are DEACTIVATING until the longest of the groups' delays is over, whatever
/// goes on in their connections (LB-02).
async fn drain(tx: &mut Tx, stopped: &mut [Stopped], now: DateTime<Utc>) -> Result<()> {
    let of_services = stopped.iter().filter(|task| task.service_id.is_some());
    let of_services: Vec<Uuid> = of_services.map(|task| task.id).collect();
    if of_services.is_empty() {
        return Ok(());
    }
    let mut groups = targets::deregister(tx, &of_services, now).await?;
    for task in stopped {
        task.drained = groups.remove(&task.id).unwrap_or_default();
    }
    let mut waits = targets::drained_at(tx, &of_services).await?;
    waits.retain(|_, until| *until > now);
    if waits.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE tasks t SET last_status = 'DEACTIVATING', draining_until = w.until, version = t.version + 1 \
         FROM unnest($1::uuid[], $2::timestamptz[]) AS w(id, until) \
         WHERE t.id = w.id AND t.last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING', 'RUNNING')",
    )
    .bind(waits.keys().copied().collect::<Vec<_>>())
    .bind(waits.values().copied().collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whom these stops concern: the agents, the services and the proxies.
pub fn wakes(stopped: &[Stopped]) -> Vec<Wake> {
    let agents = stopped
        .iter()
        .filter_map(|task| task.instance_id)
        .map(Wake::Instance);
    let services = stopped
        .iter()
        .filter_map(|task| task.service_id)
        .map(Wake::Service);
    let drains = stopped.iter().any(|task| !task.drained.is_empty());
    agents
        .chain(services)
        .chain(drains.then_some(Wake::Routes))
        .collect()
}
