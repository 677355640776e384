//! ACTIVE, DRAINING, INACTIVE: changes by operators, and the loss of hosts.

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus, Scope};
use uuid::Uuid;

use super::{COLUMNS, InstanceRow};
use crate::task_reports::stop_all;
use crate::{Db, Result, StoreError, Wake, tags};

/// Stop code and reason of tasks that a forced deregistration orphans (I-08).
const FORCED: (&str, &str) = (
    "UserInitiated",
    "Container instance deregistration forced by user",
);

/// What came of a deregistration.
#[derive(Debug, Clone)]
pub enum Deregistered {
    Done(Box<InstanceRow>),
    /// Tasks are not STOPPED and it was not forced.
    RunningTasks,
    /// Not in this cluster, or INACTIVE already.
    Missing,
}

/// ACTIVE or DRAINING for instances that are either of them (I-09); gives those. Services with tasks there are woken (DR-01, DR-02).
pub async fn set_status(
    db: &Db,
    cluster_id: i64,
    ids: &[ContainerInstanceId],
    status: InstanceStatus,
) -> Result<Vec<InstanceRow>> {
    let mut ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    ids.sort_unstable();
    let mut tx = db.begin().await?;
    let mut rows: Vec<InstanceRow> = Vec::with_capacity(ids.len());
    for id in ids {
        let sql = format!(
            "UPDATE container_instances SET status = $3, revision = revision + CASE WHEN status = $3 THEN 0 ELSE 1 END \
             WHERE id = $1 AND cluster_id = $2 AND status IN ('ACTIVE', 'DRAINING') RETURNING {COLUMNS}"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .bind(cluster_id)
            .bind(status.as_str());
        rows.extend(query.fetch_optional(&mut *tx).await?);
    }
    let changed: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let services: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT service_id FROM tasks WHERE instance_id = ANY($1) AND last_status <> 'STOPPED' AND service_id IS NOT NULL",
    )
    .bind(&changed)
    .fetch_all(&mut *tx)
    .await?;
    let hosts = changed.into_iter().map(|id| Wake::Host(cluster_id, id));
    db.commit(tx, hosts.chain(services.into_iter().map(Wake::Service)))
        .await?;
    Ok(rows)
}

/// Makes the instance INACTIVE. Its tasks have to be STOPPED, or become orphans by `force` (I-08). Its agent's session is told to go.
pub async fn deregister(
    db: &Db,
    scope: &Scope,
    cluster: (i64, &str),
    id: ContainerInstanceId,
    force: bool,
    now: DateTime<Utc>,
) -> Result<Deregistered> {
    const ATTEMPTS: u32 = 5;
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt_to_deregister(db, scope, cluster, id, force, now).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Contended {
        act: "deregister a container instance",
        attempts: ATTEMPTS,
    })
}

/// `None`: a task was placed there meanwhile.
async fn attempt_to_deregister(
    db: &Db,
    scope: &Scope,
    (cluster_id, cluster_name): (i64, &str),
    id: ContainerInstanceId,
    force: bool,
    now: DateTime<Utc>,
) -> Result<Option<Deregistered>> {
    let mut tx = db.begin().await?;
    let known = sqlx::query(
        "SELECT 1 FROM container_instances WHERE id = $1 AND cluster_id = $2 AND status <> 'INACTIVE'",
    )
    .bind(id.uuid())
    .bind(cluster_id)
    .fetch_optional(&mut *tx)
    .await?;
    if known.is_none() {
        return Ok(Some(Deregistered::Missing));
    }
    let mut wakes = match force {
        true => stop_all(&mut tx, id.uuid(), FORCED.0, FORCED.1, now).await?.wakes,
        false => Vec::new(),
    };
    let sql = format!(
        "UPDATE container_instances SET status = 'INACTIVE', deregistered_at = $3, agent_connected = false, session_server = NULL, \
             session_id = NULL, disconnected_at = coalesce(disconnected_at, $3), revision = revision + 1 \
         WHERE id = $1 AND cluster_id = $2 AND status <> 'INACTIVE' RETURNING {COLUMNS}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.uuid())
        .bind(cluster_id)
        .bind(now);
    let Some(row): Option<InstanceRow> = query.fetch_optional(&mut *tx).await? else {
        return Ok(Some(Deregistered::Missing));
    };
    // From here on no placement commits on this instance.
    let left = sqlx::query("SELECT 1 FROM tasks WHERE instance_id = $1 AND last_status <> 'STOPPED' LIMIT 1")
        .bind(id.uuid());
    if left.fetch_optional(&mut *tx).await?.is_some() {
        return Ok(if force {
            None
        } else {
            Some(Deregistered::RunningTasks)
        });
    }
    tags::remove_all(&mut tx, scope, &[scope.container_instance_arn(cluster_name, id)]).await?;
    wakes.extend([Wake::Host(cluster_id, row.id), Wake::Instance(row.id)]);
    db.commit(tx, wakes).await?;
    crate::targets::follow_host(db, row.id).await?;
    Ok(Some(Deregistered::Done(Box::new(row))))
}

/// Hosts of all accounts whose agents have been silent since `before`, as far as they have tasks that are not STOPPED. Whether the
/// silence is the agents' is for the caller to know: was a server there for them all the while? With their EC2 instance ids, for the
/// reason that [`crate::task_reports::stop_all_on_lost_host`] gives.
pub async fn lost(db: &Db, before: DateTime<Utc>) -> Result<Vec<(Uuid, Option<String>)>> {
    let query = sqlx::query_as(
        "SELECT i.id, i.ec2_instance_id FROM container_instances i \
         WHERE NOT i.agent_connected AND i.status <> 'INACTIVE' AND i.disconnected_at <= $1 \
           AND EXISTS (SELECT 1 FROM tasks t WHERE t.instance_id = i.id AND t.last_status <> 'STOPPED') ORDER BY i.id",
    );
    Ok(query.bind(before).fetch_all(db.pool()).await?)
}

/// Forgets INACTIVE instances of all accounts that were deregistered before `before` and that no task names. Gives how many.
pub async fn forget_before(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query(
        "DELETE FROM container_instances i WHERE i.status = 'INACTIVE' AND i.deregistered_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.instance_id = i.id)",
    )
    .bind(before)
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}
