//! Service deployments: the record of each rollout, what it began from and how it ended (section 13).
//!
//! Requests begin them and ask them to stop; [`follow`] brings them in step with the rollout states that the scheduler writes.

use aws_model::ecs::types::{DeploymentConfiguration, DeploymentLifecycleHook};
use chrono::{DateTime, Utc};
use rand::Rng;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::hooks::ShownPause;
use crate::{Db, Result, Tx};

const COLUMNS: &str = "x.id, x.ordinal, x.service_id, x.deployment_id, x.rollback_deployment_id, x.target_revision, x.source_revisions, x.status, \
    x.status_reason, x.configuration, x.rollback_reason, x.rollback_started_at, x.created_at, x.started_at, x.finished_at, x.stopped_at, \
    x.updated_at";
const UNDER_WAY: &str =
    "('PENDING', 'IN_PROGRESS', 'STOP_REQUESTED', 'ROLLBACK_REQUESTED', 'ROLLBACK_IN_PROGRESS')";
/// Characters of an id, and how many: like `NCWGC2ZR-taawPAYrIaU5`.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ID_LENGTH: usize = 21;

fn new_id(rng: &mut impl Rng) -> String {
    let character = |_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]);
    (0..ID_LENGTH).map(character).collect()
}

/// A row of `service_deployments`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ServiceDeploymentRow {
    pub id: String,
    /// Rises with each one that begins.
    pub ordinal: i64,
    pub service_id: i64,
    pub deployment_id: i64,
    pub rollback_deployment_id: Option<i64>,
    pub target_revision: i64,
    pub source_revisions: Vec<i64>,
    /// ServiceDeploymentStatus (SD-03).
    pub status: String,
    pub status_reason: Option<String>,
    pub configuration: Json<DeploymentConfiguration>,
    pub rollback_reason: Option<String>,
    pub rollback_started_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

/// What StopServiceDeployment came to (SD-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// It was asked, or had been asked before.
    Requested,
    /// It is over.
    Finished,
    Unknown,
}

/// A deployment of the service begins: the one that is under way stops (SD-03). The caller holds the service's row and has made the
/// deployment PRIMARY.
pub async fn begin(
    tx: &mut Tx,
    service_id: i64,
    deployment_id: i64,
    configuration: &DeploymentConfiguration,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "UPDATE service_deployments SET status = 'STOPPED', stopped_at = $2, finished_at = $2, updated_at = $2, \
             status_reason = 'A new service deployment has been started.' WHERE service_id = $1 AND status IN {UNDER_WAY}"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(service_id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    let id = new_id(&mut rand::rng());
    sqlx::query(
        "INSERT INTO service_deployments (id, service_id, deployment_id, target_revision, source_revisions, status, configuration, \
             created_at, started_at, updated_at) \
         SELECT $1, $2, $3, $3, coalesce(array_agg(DISTINCT coalesce(d.revision_id, d.id)) FILTER (WHERE d.id IS NOT NULL), '{}'), \
             'IN_PROGRESS', $4, $5, $5, $5 \
         FROM (SELECT 1) one LEFT JOIN deployments d ON d.service_id = $2 AND d.status <> 'INACTIVE' AND d.id <> $3",
    )
    .bind(id)
    .bind(service_id)
    .bind(deployment_id)
    .bind(Json(configuration))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Brings the service's record in step with what became of its deployments, within the transaction that wrote that (SD-03).
pub(super) async fn follow(tx: &mut Tx, service_id: i64, now: DateTime<Utc>) -> Result<()> {
    // A failed deployment that is not PRIMARY any more is being rolled back to the one that is.
    sqlx::query(
        "UPDATE service_deployments x SET status = 'ROLLBACK_IN_PROGRESS', rollback_deployment_id = p.id, rollback_started_at = $2, \
             rollback_reason = d.rollout_state_reason, status_reason = d.rollout_state_reason, updated_at = $2 \
         FROM deployments d, deployments p \
         WHERE x.service_id = $1 AND x.status IN ('IN_PROGRESS', 'STOP_REQUESTED', 'ROLLBACK_REQUESTED') \
         AND d.id = x.deployment_id AND d.rollout_state = 'FAILED' AND p.service_id = $1 AND p.status = 'PRIMARY' AND p.id <> d.id",
    )
    .bind(service_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE service_deployments x SET updated_at = $2, finished_at = $2, \
             stopped_at = CASE WHEN ended.status = 'STOPPED' THEN $2 ELSE x.stopped_at END, \
             status = ended.status, status_reason = coalesce(ended.reason, x.status_reason) \
         FROM (SELECT y.id, d.rollout_state_reason AS reason, CASE \
                 WHEN y.status <> 'ROLLBACK_IN_PROGRESS' AND d.rollout_state = 'COMPLETED' THEN 'SUCCESSFUL' \
                 WHEN y.status = 'ROLLBACK_REQUESTED' AND d.rollout_state = 'FAILED' THEN 'ROLLBACK_FAILED' \
                 WHEN y.status <> 'ROLLBACK_IN_PROGRESS' AND d.rollout_state = 'FAILED' THEN 'STOPPED' \
                 WHEN y.status = 'ROLLBACK_IN_PROGRESS' AND r.rollout_state = 'FAILED' THEN 'ROLLBACK_FAILED' \
                 WHEN y.status = 'ROLLBACK_IN_PROGRESS' AND r.rollout_state = 'COMPLETED' AND d.status = 'INACTIVE' \
                     THEN 'ROLLBACK_SUCCESSFUL' END AS status \
               FROM service_deployments y JOIN deployments d ON d.id = y.deployment_id \
               LEFT JOIN deployments r ON r.id = y.rollback_deployment_id \
               WHERE y.service_id = $1 AND y.finished_at IS NULL) ended \
         WHERE x.id = ended.id AND ended.status IS NOT NULL",
    )
    .bind(service_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Asks a service deployment of this service to stop; the scheduler does it. The caller holds the service's row.
pub async fn request_stop(
    tx: &mut Tx,
    service_id: i64,
    id: &str,
    rollback: bool,
    now: DateTime<Utc>,
) -> Result<StopOutcome> {
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM service_deployments WHERE service_id = $1 AND id = $2")
            .bind(service_id)
            .bind(id)
            .fetch_optional(&mut **tx)
            .await?;
    match status.as_deref() {
        None => return Ok(StopOutcome::Unknown),
        Some("STOP_REQUESTED" | "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS") => {
            return Ok(StopOutcome::Requested);
        }
        Some("PENDING" | "IN_PROGRESS") => {}
        Some(_) => return Ok(StopOutcome::Finished),
    }
    sqlx::query("UPDATE service_deployments SET status = $2, updated_at = $3 WHERE id = $1")
        .bind(id)
        .bind(if rollback {
            "ROLLBACK_REQUESTED"
        } else {
            "STOP_REQUESTED"
        })
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(StopOutcome::Requested)
}

/// What the scheduler has to know of the service deployment that is under way.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UnderWay {
    /// The deployment that it began.
    pub deployment_id: i64,
    /// Users asked to stop it: whether to go back (SD-05).
    pub stop: Option<bool>,
    /// `lifecycleHooks` as they were when it began (BG-20).
    pub hooks: Json<Vec<DeploymentLifecycleHook>>,
}

/// The one of this service; there is at most one (SD-02).
pub(super) async fn under_way(connection: &mut PgConnection, service_id: i64) -> Result<Option<UnderWay>> {
    let sql = format!(
        "SELECT deployment_id, CASE status WHEN 'ROLLBACK_REQUESTED' THEN true WHEN 'STOP_REQUESTED' THEN false END AS stop, \
             coalesce(configuration -> 'lifecycleHooks', '[]') AS hooks \
         FROM service_deployments WHERE service_id = $1 AND status IN {UNDER_WAY}"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(service_id);
    Ok(query.fetch_optional(connection).await?)
}

/// Which service deployments ListServiceDeployments is about.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// ServiceDeploymentStatus; empty: all.
    pub statuses: Vec<String>,
    pub created_after: Option<DateTime<Utc>>,
    pub created_before: Option<DateTime<Utc>>,
    /// Where the page begins: behind the one with this ordinal.
    pub after: Option<i64>,
}

/// Those of a service, newest first (SD-06).
pub async fn list(
    db: &Db,
    service_id: i64,
    filter: &ListFilter,
    limit: i64,
) -> Result<Vec<ServiceDeploymentRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM service_deployments x WHERE x.service_id = $1 AND ($2 = '{{}}' OR x.status = ANY($2)) \
         AND ($3::timestamptz IS NULL OR x.created_at > $3) AND ($4::timestamptz IS NULL OR x.created_at < $4) \
         AND ($5::bigint IS NULL OR x.ordinal < $5) ORDER BY x.ordinal DESC LIMIT $6"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(service_id)
        .bind(&filter.statuses)
        .bind(filter.created_after)
        .bind(filter.created_before)
        .bind(filter.after)
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}

/// A service deployment with how far it is, all of one moment.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Described {
    #[sqlx(flatten)]
    pub row: ServiceDeploymentRow,
    /// The stage of the deployment that it began, if that one shifts traffic (BG-04).
    pub stage: Option<String>,
    /// Its waits for hooks, in the order in which they began (BG-22).
    pub pauses: Json<Vec<ShownPause>>,
}

/// Those of these services that have one of these ids.
pub async fn find(db: &Db, service_ids: &[i64], ids: &[String]) -> Result<Vec<Described>> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT d.scheduler #>> '{{shifting,stage}}' FROM deployments d WHERE d.id = x.deployment_id) AS stage, \
             (SELECT coalesce(jsonb_agg(h ORDER BY h.ordinal), '[]') FROM lifecycle_hooks h WHERE h.service_deployment_id = x.id) AS pauses \
         FROM service_deployments x WHERE x.service_id = ANY($1) AND x.id = ANY($2)"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(service_ids).bind(ids);
    Ok(query.fetch_all(db.pool()).await?)
}

/// The newest one of each of these services: service and id (SD-07).
pub async fn current(db: &Db, service_ids: &[i64]) -> Result<Vec<(i64, String)>> {
    let query = sqlx::query_as(
        "SELECT DISTINCT ON (service_id) service_id, id FROM service_deployments WHERE service_id = ANY($1) \
         ORDER BY service_id, ordinal DESC",
    );
    Ok(query.bind(service_ids).fetch_all(db.pool()).await?)
}

/// How a service revision stands: tasks of the deployments that run it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct RevisionCounts {
    pub service_id: i64,
    pub revision_id: i64,
    pub requested: i64,
    pub running: i64,
    pub pending: i64,
    /// Its share of the production traffic in tenths of a percent, when traffic is shifted.
    pub production: i64,
    pub test: bool,
    /// Some deployment of it is not INACTIVE.
    pub live: bool,
}

/// The revisions of these services that deployments know.
pub async fn revision_counts(db: &Db, service_ids: &[i64]) -> Result<Vec<RevisionCounts>> {
    let query = sqlx::query_as(
        "SELECT d.service_id, coalesce(d.revision_id, d.id) AS revision_id, \
             coalesce(sum(d.desired_count) FILTER (WHERE d.status <> 'INACTIVE'), 0)::bigint AS requested, \
             coalesce(sum(t.running), 0)::bigint AS running, coalesce(sum(t.pending), 0)::bigint AS pending, \
             coalesce(max((d.scheduler #>> '{shifting,production}')::bigint) FILTER (WHERE d.status <> 'INACTIVE'), 0) AS production, \
             coalesce(bool_or((d.scheduler #>> '{shifting,test}')::boolean) FILTER (WHERE d.status <> 'INACTIVE'), false) AS test, \
             bool_or(d.status <> 'INACTIVE') AS live \
         FROM deployments d LEFT JOIN ( \
             SELECT deployment_id, count(*) FILTER (WHERE last_status = 'RUNNING') AS running, \
                 count(*) FILTER (WHERE last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING')) AS pending \
             FROM tasks WHERE service_id = ANY($1) AND service_id IS NOT NULL AND last_status <> 'STOPPED' GROUP BY deployment_id \
         ) t ON t.deployment_id = d.id \
         WHERE d.service_id = ANY($1) GROUP BY d.service_id, coalesce(d.revision_id, d.id)",
    );
    Ok(query.bind(service_ids).fetch_all(db.pool()).await?)
}
