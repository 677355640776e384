//! Waits of service deployments for PAUSE hooks (BG-21).
//!
//! Plans begin and end them ([`write`]); requests answer them ([`answer`]). Both hold the service's row and raise its generation, so that
//! each wait ends once.

use chrono::{DateTime, Utc};
use planning::deployment::{HookAction, Pause, PauseStatus};
use serde::Deserialize;
use sqlx::PgConnection;

use crate::{Result, Tx};

/// A row of `lifecycle_hooks`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PauseRow {
    /// `hookId`.
    pub id: String,
    /// The deployment that waits.
    pub deployment_id: i64,
    /// Its place in `lifecycleHooks`.
    pub place: i32,
    pub stage: String,
    /// Share of the production traffic when it began, in tenths of a percent.
    pub share: i32,
    /// AWAITING_ACTION, SUCCEEDED, FAILED or TIMED_OUT (BG-22).
    pub status: String,
    /// CONTINUE or ROLLBACK.
    pub timeout_action: String,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// A wait as users are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownPause {
    /// `hookId`.
    pub id: String,
    pub status: String,
    pub timeout_action: String,
    pub expires_at: DateTime<Utc>,
}

/// What ContinueServiceDeployment came to (BG-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutcome {
    Answered,
    /// The wait is over, by another answer, its time, or the end of the deployment.
    NotWaiting,
    UnknownHook,
    UnknownDeployment,
}

/// The waits of these deployments of a service, in the order in which they began.
pub(super) async fn of_deployments(
    connection: &mut PgConnection,
    service_id: i64,
    deployments: &[i64],
) -> Result<Vec<PauseRow>> {
    let query = sqlx::query_as(
        "SELECT h.id, x.deployment_id, h.place, h.stage, h.share, h.status, h.timeout_action, h.expires_at, h.ended_at \
         FROM service_deployments x JOIN lifecycle_hooks h ON h.service_deployment_id = x.id \
         WHERE x.service_id = $1 AND x.deployment_id = ANY($2) ORDER BY h.ordinal",
    );
    Ok(query
        .bind(service_id)
        .bind(deployments)
        .fetch_all(connection)
        .await?)
}

/// A wait as a plan has it: a new one, or the end of one.
pub(super) async fn write(
    tx: &mut Tx,
    service_id: i64,
    deployment_id: i64,
    pause: &Pause,
    now: DateTime<Utc>,
) -> Result<()> {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO lifecycle_hooks (id, service_deployment_id, place, stage, share, status, timeout_action, expires_at, ended_at, \
             created_at) \
         SELECT $3, x.id, $4, $5, $6, $7, $8, $9, $10, $11 FROM service_deployments x WHERE x.service_id = $1 AND x.deployment_id = $2 \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at",
    )
    .bind(service_id)
    .bind(deployment_id)
    .bind(&pause.id)
    .bind(number(pause.hook))
    .bind(pause.stage.as_str())
    .bind(number(pause.share))
    .bind(pause.status.as_str())
    .bind(pause.timeout_action.as_str())
    .bind(pause.expires_at)
    .bind(pause.ended_at)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a wait of a service deployment of this service. An answer that comes after the wait's time is too late, whether or not a plan
/// has noticed. The caller holds the service's row.
pub async fn answer(
    tx: &mut Tx,
    service_id: i64,
    service_deployment_id: &str,
    hook_id: &str,
    action: HookAction,
    now: DateTime<Utc>,
) -> Result<AnswerOutcome> {
    let found: Option<(bool, Option<bool>)> = sqlx::query_as(
        "SELECT x.status = 'IN_PROGRESS', h.status = 'AWAITING_ACTION' AND h.expires_at > $4 \
         FROM service_deployments x LEFT JOIN lifecycle_hooks h ON h.service_deployment_id = x.id AND h.id = $3 \
         WHERE x.service_id = $1 AND x.id = $2",
    )
    .bind(service_id)
    .bind(service_deployment_id)
    .bind(hook_id)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    match found {
        None => return Ok(AnswerOutcome::UnknownDeployment),
        Some((_, None)) => return Ok(AnswerOutcome::UnknownHook),
        Some((true, Some(true))) => {}
        Some(_) => return Ok(AnswerOutcome::NotWaiting),
    }
    let status = match action {
        HookAction::Continue => PauseStatus::Succeeded,
        HookAction::Rollback => PauseStatus::Failed,
    };
    sqlx::query("UPDATE lifecycle_hooks SET status = $2, ended_at = $3 WHERE id = $1")
        .bind(hook_id)
        .bind(status.as_str())
        .bind(now)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE service_deployments SET updated_at = $2 WHERE id = $1")
        .bind(service_deployment_id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(AnswerOutcome::Answered)
}
