//! Deployments of services.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::DeploymentId;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::record::{DeploymentCounts, DeploymentRow, DeploymentSpec};
use crate::{Db, Result, Tx};

const COLUMNS: &str = "d.id, d.service_id, d.status, d.task_definition_id, t.family, t.revision, d.desired_count, d.spec, \
    d.rollout_state, d.rollout_state_reason, d.failed_tasks, d.scheduler, d.revision_id, d.image_digests, d.created_at, d.updated_at";
const JOINED: &str = "deployments d JOIN task_definitions t ON t.id = d.task_definition_id";

/// A deployment that begins now.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    pub id: DeploymentId,
    pub task_definition_id: i64,
    pub desired_count: i32,
    pub spec: DeploymentSpec,
    pub rollout_state_reason: String,
}

impl NewDeployment {
    /// A deployment as users begin it (D-16).
    pub fn begun(task_definition_id: i64, desired_count: i32, spec: DeploymentSpec) -> Self {
        let id = DeploymentId::random(&mut rand::rng());
        let rollout_state_reason = format!("ECS deployment {id} in progress.");
        Self {
            id,
            task_definition_id,
            desired_count,
            spec,
            rollout_state_reason,
        }
    }
}

/// Makes it PRIMARY; the former one becomes ACTIVE (D-10). The caller holds the service's row.
pub async fn begin(
    tx: &mut Tx,
    service_id: i64,
    new: &NewDeployment,
    now: DateTime<Utc>,
) -> Result<DeploymentRow> {
    sqlx::query("UPDATE deployments SET status = 'ACTIVE', updated_at = $2 WHERE service_id = $1 AND status = 'PRIMARY'")
        .bind(service_id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    let sql = format!(
        "WITH d AS (INSERT INTO deployments (id, service_id, status, task_definition_id, desired_count, spec, rollout_state, \
         rollout_state_reason, created_at, updated_at) \
         VALUES ($1, $2, 'PRIMARY', $3, $4, $5, 'IN_PROGRESS', $6, $7, $7) RETURNING *) \
         SELECT {COLUMNS} FROM d JOIN task_definitions t ON t.id = d.task_definition_id"
    );
    let row = sqlx::query_as(AssertSqlSafe(sql))
        .bind(new.id.0)
        .bind(service_id)
        .bind(new.task_definition_id)
        .bind(new.desired_count)
        .bind(Json(&new.spec))
        .bind(&new.rollout_state_reason)
        .bind(now)
        .fetch_one(&mut **tx)
        .await?;
    Ok(row)
}

/// Whether the deployment that has the traffic exchanged its target groups; `None` without one (BG-02). The caller holds the service's row.
pub async fn production_exchanged(tx: &mut Tx, service_id: i64) -> Result<Option<bool>> {
    let query = sqlx::query_scalar(
        "SELECT coalesce((spec->>'exchanged')::boolean, false) FROM ( \
             SELECT spec, created_at, coalesce((scheduler #>> '{shifting,production}')::int, 0) >= 500 AS most, \
                 rollout_state = 'COMPLETED' AS worked \
             FROM deployments WHERE service_id = $1 AND status <> 'INACTIVE') d \
         ORDER BY most DESC, worked DESC, CASE WHEN most OR worked THEN created_at END DESC, created_at LIMIT 1",
    );
    Ok(query.bind(service_id).fetch_optional(&mut **tx).await?)
}

/// The PRIMARY one of a service whose row the caller holds.
pub async fn primary(tx: &mut Tx, service_id: i64) -> Result<Option<DeploymentRow>> {
    let sql = format!("SELECT {COLUMNS} FROM {JOINED} WHERE d.service_id = $1 AND d.status = 'PRIMARY'");
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// What DescribeServices needs of these services: those that are not INACTIVE, and for an INACTIVE service its newest one. Newest first.
pub async fn shown(db: &Db, service_ids: &[i64]) -> Result<Vec<DeploymentRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {JOINED} WHERE d.service_id = ANY($1) AND (d.status <> 'INACTIVE' OR d.id = ( \
             SELECT n.id FROM deployments n JOIN services s ON s.id = n.service_id \
             WHERE n.service_id = d.service_id AND s.status = 'INACTIVE' ORDER BY n.created_at DESC LIMIT 1)) \
         ORDER BY d.status <> 'PRIMARY', d.created_at DESC, d.id"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_ids)
        .fetch_all(db.pool())
        .await?)
}

/// Those with one of these ids, or that run one of these service revisions; the first of each revision comes first.
pub async fn of_revisions(db: &Db, service_ids: &[i64], ids: &[i64]) -> Result<Vec<DeploymentRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {JOINED} WHERE d.service_id = ANY($1) AND (d.id = ANY($2) OR d.revision_id = ANY($2)) \
         ORDER BY d.created_at, d.id"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_ids)
        .bind(ids)
        .fetch_all(db.pool())
        .await?)
}

/// Those of one service that are not INACTIVE.
pub(super) async fn listed(connection: &mut PgConnection, service_id: i64) -> Result<Vec<DeploymentRow>> {
    let sql = format!("SELECT {COLUMNS} FROM {JOINED} WHERE d.service_id = $1 AND d.status <> 'INACTIVE'");
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_id)
        .fetch_all(connection)
        .await?)
}

/// The last COMPLETED deployment of a service, in use or not: what a rollback goes back to (D-22).
pub(super) async fn last_completed(
    connection: &mut PgConnection,
    service_id: i64,
) -> Result<Option<DeploymentRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {JOINED} WHERE d.service_id = $1 AND d.rollout_state = 'COMPLETED' ORDER BY d.created_at DESC LIMIT 1"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_id)
        .fetch_optional(connection)
        .await?)
}

/// The deployment's later tasks run these images, by container (D-30). What was noted before stays: the first task counts.
pub(crate) async fn pin_images(db: &Db, id: i64, digests: &BTreeMap<&str, &str>) -> Result<()> {
    let containers: Vec<&str> = digests.keys().copied().collect();
    sqlx::query(
        "UPDATE deployments SET image_digests = $2 || image_digests WHERE id = $1 AND NOT image_digests ?& $3",
    )
    .bind(id)
    .bind(Json(digests))
    .bind(containers)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// How many tasks of these services run and are on the way, by deployment (S-22).
pub async fn counts(db: &Db, service_ids: &[i64]) -> Result<Vec<DeploymentCounts>> {
    let query = sqlx::query_as(
        "SELECT service_id, deployment_id, count(*) FILTER (WHERE last_status = 'RUNNING') AS running, \
                count(*) FILTER (WHERE last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING')) AS pending \
         FROM tasks WHERE service_id = ANY($1) AND service_id IS NOT NULL AND last_status <> 'STOPPED' \
         AND deployment_id IS NOT NULL GROUP BY service_id, deployment_id",
    );
    Ok(query.bind(service_ids).fetch_all(db.pool()).await?)
}
