//! What checks found of targets, as all servers and proxies agree on it.

use chrono::{DateTime, Utc};
use routing::message::TargetReport;
use uuid::Uuid;

use crate::{Db, Result, Wake, routes};

/// Takes in the states of targets of a group, as the proxy that checks it reports them. A report that is older than what is known
/// changes nothing, nor does one that comes twice, one of an earlier registration at the same address, or one by which a proxy that has
/// just begun knows nothing yet; one of the future counts as of `now`. Gives how many targets have changed.
pub async fn report_health(
    db: &Db,
    target_group: &str,
    reports: &[TargetReport],
    now: DateTime<Utc>,
) -> Result<usize> {
    let ids: Vec<&str> = reports.iter().map(|report| report.id.as_str()).collect();
    let ports: Vec<i32> = reports.iter().map(|report| i32::from(report.port)).collect();
    let states: Vec<&str> = reports.iter().map(|report| report.health.state.name()).collect();
    let reasons: Vec<Option<&str>> = reports
        .iter()
        .map(|report| report.health.reason.map(|reason| reason.name()))
        .collect();
    let descriptions: Vec<Option<&str>> = reports
        .iter()
        .map(|report| report.health.description.as_deref())
        .collect();
    let since: Vec<DateTime<Utc>> = reports.iter().map(|report| report.since.min(now)).collect();
    let registrations: Vec<DateTime<Utc>> = reports.iter().map(|report| report.registered_at).collect();
    let mut tx = db.begin().await?;
    // As everybody who changes targets: the group first.
    sqlx::query("SELECT 1 FROM target_groups WHERE arn = $1 FOR NO KEY UPDATE")
        .bind(target_group)
        .execute(&mut *tx)
        .await?;
    // A registration's first word counts whatever the proxy's clock shows. From then on that clock orders them.
    let changed: Vec<Option<Uuid>> = sqlx::query_scalar(
        "WITH report AS (SELECT * FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], \
             $8::timestamptz[]) AS r(id, port, state, reason, description, since, registered_at)) \
         UPDATE targets t SET health_state = r.state, health_reason = r.reason, health_description = r.description, \
             health_since = r.since, \
             healthy_since = CASE WHEN r.state <> 'healthy' THEN NULL \
                 WHEN t.health_state = 'healthy' THEN coalesce(t.healthy_since, r.since) ELSE greatest(r.since, t.registered_at) END \
         FROM report r \
         WHERE t.target_group_arn = $1 AND t.target_id = r.id AND t.port = r.port AND t.registered_at = r.registered_at \
             AND t.draining_until IS NULL \
             AND (t.health_state = 'initial' OR r.state <> 'initial' AND r.since > t.health_since) \
             AND (t.health_state, t.health_reason, t.health_description) IS DISTINCT FROM (r.state, r.reason, r.description) \
         RETURNING t.task_id",
    )
    .bind(target_group)
    .bind(&ids)
    .bind(&ports)
    .bind(&states)
    .bind(&reasons)
    .bind(&descriptions)
    .bind(&since)
    .bind(&registrations)
    .fetch_all(&mut *tx)
    .await?;
    if changed.is_empty() {
        return Ok(0);
    }
    routes::touch_target_group(&mut tx, target_group).await?;
    let tasks: Vec<Uuid> = changed.iter().flatten().copied().collect();
    let services: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT service_id FROM tasks WHERE id = ANY($1) AND service_id IS NOT NULL",
    )
    .bind(&tasks)
    .fetch_all(&mut *tx)
    .await?;
    let wakes = services.into_iter().map(Wake::Service);
    db.commit(tx, wakes.chain([Wake::Routes])).await?;
    Ok(changed.len())
}

/// A proxy has begun to check these groups: targets whose registration was all that happened are being checked now (LB-16).
pub async fn begin_checks(db: &Db, target_groups: &[String]) -> Result<()> {
    let reason = routing::HealthReason::InitialHealthChecking;
    sqlx::query(
        "UPDATE targets SET health_reason = $2, health_description = $3 WHERE (target_group_arn, target_id, port) IN ( \
             SELECT target_group_arn, target_id, port FROM targets WHERE target_group_arn = ANY($1) AND health_state = 'initial' \
             AND health_reason = 'Elb.RegistrationInProgress' ORDER BY target_group_arn, target_id, port FOR UPDATE SKIP LOCKED)",
    )
    .bind(target_groups)
    .bind(reason.name())
    .bind(reason.text())
    .execute(db.pool())
    .await?;
    Ok(())
}
