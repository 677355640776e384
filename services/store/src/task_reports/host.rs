//! All tasks of a host at once: it is lost, or was deregistered by force.

use chrono::{DateTime, Utc};
use domain::{Resources, TaskId};
use sqlx::Row as _;
use sqlx::types::Json;
use uuid::Uuid;

use crate::instances::release::{self, Release};
use crate::{Db, Result, Tx, Wake, clusters, tags};

/// What [`stop_all`] did.
#[derive(Debug, Clone, Default)]
pub struct StoppedAll {
    pub tasks: usize,
    /// To be sent at the commit.
    pub wakes: Vec<Wake>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    service_id: Option<i64>,
    task_group: String,
    resources: Json<Resources>,
    gpu_ids: Vec<String>,
}

/// Makes all tasks of the instance STOPPED, gives back what they held and removes their tags. Causes that stand already stay (T-34).
/// What may still run on the host is stopped when its agent comes back and learns that it should not.
pub async fn stop_all(
    tx: &mut Tx,
    instance: Uuid,
    stop_code: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<StoppedAll> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH held AS (SELECT id FROM tasks WHERE instance_id = $1 AND last_status <> 'STOPPED' ORDER BY id FOR UPDATE) \
         UPDATE tasks t SET last_status = 'STOPPED', desired_status = 'STOPPED', health = 'UNKNOWN', \
             containers = (SELECT coalesce(jsonb_agg(e.c || '{\"last_status\": \"STOPPED\", \"health\": \"UNKNOWN\"}' ORDER BY e.n), '[]') \
                 FROM jsonb_array_elements(t.containers) WITH ORDINALITY AS e(c, n)), \
             stop_code = coalesce(t.stop_code, $2), stopped_reason = coalesce(t.stopped_reason, $3), \
             stopping_at = coalesce(t.stopping_at, $4), stopped_at = $4, \
             execution_stopped_at = CASE WHEN t.started_at IS NOT NULL THEN coalesce(t.execution_stopped_at, $4) END, \
             version = t.version + 1 \
         FROM held WHERE t.id = held.id AND t.last_status <> 'STOPPED' \
         RETURNING t.id, t.service_id, t.task_group, t.resources, t.gpu_ids",
    )
    .bind(instance)
    .bind(stop_code)
    .bind(reason)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    if rows.is_empty() {
        return Ok(StoppedAll::default());
    }
    let mut release = Release::default();
    for row in &rows {
        release.add(&row.resources, &row.gpu_ids, &row.task_group);
    }
    let sql = format!(
        "UPDATE container_instances i SET {} WHERE i.id = $7 RETURNING i.cluster_id",
        release::set(1)
    );
    let released = release
        .bind(sqlx::query(sqlx::AssertSqlSafe(sql)))
        .bind(instance)
        .fetch_one(&mut **tx)
        .await?;
    let cluster = clusters::owned(tx, released.try_get("cluster_id")?).await?;
    let arns: Vec<String> = rows
        .iter()
        .map(|row| cluster.scope.task_arn(&cluster.name, TaskId(row.id)))
        .collect();
    tags::remove_all(tx, &cluster.scope, &arns).await?;
    let mut wakes = vec![Wake::Host(cluster.id, instance), Wake::Instance(instance)];
    wakes.extend(rows.iter().filter_map(|row| row.service_id).map(Wake::Service));
    wakes.sort_unstable();
    wakes.dedup();
    Ok(StoppedAll {
        tasks: rows.len(),
        wakes,
    })
}

/// [`stop_all`] on a host that [`crate::instances::lost`] named, if its agent is still silent since `before`. Gives the number of tasks.
pub async fn stop_all_on_lost_host(
    db: &Db,
    instance: Uuid,
    before: DateTime<Utc>,
    stop_code: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let mut tx = db.begin().await?;
    let stopped = stop_all(&mut tx, instance, stop_code, reason, now).await?;
    // The row is locked by now if a task was stopped, so that its agent cannot come back before the commit.
    let lost: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM container_instances WHERE id = $1 AND NOT agent_connected AND disconnected_at <= $2)",
    )
    .bind(instance)
    .bind(before)
    .fetch_one(&mut *tx)
    .await?;
    if !lost {
        tx.rollback().await?;
        return Ok(0);
    }
    db.commit(tx, stopped.wakes).await?;
    Ok(stopped.tasks)
}
