//! Carrying out the scheduler's plans. Everything commits only against the generation that the plan was made of.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::ServiceStatus;
use planning::deployment::events::QUIET_PERIOD;
use planning::deployment::{Deployment, DeploymentStatus, Memory, Plan, Progress, RolloutState};
use sqlx::types::Json;
use uuid::Uuid;

use super::load::Loaded;
use super::{events, hooks, service_deployments, shifts, targets};
use crate::rules::{self, ShiftError};
use crate::tasks::{self, StopCause};
use crate::{Db, Result, Tx, Wake, tags};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The service's generation is this one now.
    Done { generation: i64, stopped: usize },
    /// Somebody changed the service since it was loaded; nothing was done.
    Overtaken,
    /// Traffic cannot be shifted as the plan wants it; an event says why, and nothing was done.
    Blocked,
}

/// What placement made of a plan's starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// Texts for `events[]`, oldest first.
    pub events: Vec<String>,
    /// Deployments whose number of tasks without a host changed: their whole new memory.
    pub memories: Vec<(i64, Memory)>,
}

/// Does what the plan says, but for its starts, and notes whether the service is settled.
pub async fn apply(
    db: &Db,
    loaded: &Loaded,
    plan: &Plan,
    settled: bool,
    now: DateTime<Utc>,
) -> Result<Applied> {
    let service = &loaded.service;
    let mut tx = db.begin().await?;
    let Some(generation) = claim(&mut tx, loaded, plan, settled, now).await? else {
        return Ok(Applied::Overtaken);
    };
    if let Some(rollback) = &plan.rollback {
        roll_back(&mut tx, service.id, rollback, now).await?;
    }
    for (id, progress) in &plan.deployments {
        write_progress(&mut tx, id.0, progress, now).await?;
    }
    for (id, pause) in &plan.pauses {
        hooks::write(&mut tx, service.id, id.0, pause, now).await?;
    }
    if !plan.deployments.is_empty() {
        service_deployments::follow(&mut tx, service.id, now).await?;
    }
    let shifted = match shift(&mut tx, loaded, plan).await {
        Ok(shifted) => shifted,
        Err(ShiftError::Store(error)) => return Err(error),
        Err(error) => {
            drop(tx);
            return blocked(db, loaded, &error, now).await;
        }
    };
    let causes: Vec<_> = plan
        .stop
        .iter()
        .map(|stop| {
            (
                stop.task,
                StopCause {
                    code: stop.code().as_str().to_owned(),
                    reason: stop.reason.clone(),
                },
            )
        })
        .collect();
    let inactive = plan.status == Some(ServiceStatus::Inactive);
    account(&mut tx, service.id, plan, inactive).await?;
    let stopped = tasks::stop_many(&mut tx, &causes, now).await?;
    if inactive {
        let arn = loaded
            .cluster
            .scope
            .service_arn(&loaded.cluster.name, &service.name);
        tags::remove_all(&mut tx, &loaded.cluster.scope, &[arn]).await?;
    }
    let mut told = plan.events.clone();
    told.extend(targets::drain_events(&service.name, &stopped));
    told.extend(plan.stop_event.clone());
    events::add(&mut tx, service.id, &told, now).await?;
    // The scheduler itself did this: it needs no wake for it, but who looks after targets does.
    let drains = shifted || stopped.iter().any(|task| !task.drained.is_empty());
    let mut wakes: BTreeSet<Wake> = stopped
        .iter()
        .filter_map(|task| task.instance_id)
        .map(Wake::Instance)
        .collect();
    wakes.extend(
        drains
            .then_some([Wake::Routes, Wake::Service(service.id)])
            .into_iter()
            .flatten(),
    );
    db.commit(tx, wakes).await?;
    Ok(Applied::Done {
        generation,
        stopped: stopped.len(),
    })
}

/// Gives the traffic to whom the plan says, and lets go of the rules when no deployment shifts any more. True if weights changed.
async fn shift(tx: &mut Tx, loaded: &Loaded, plan: &Plan) -> std::result::Result<bool, ShiftError> {
    let mut changed = false;
    let named = plan.shift.and_then(|shift| {
        let mut deployments = loaded.deployments.iter();
        Some((shift, deployments.find(|row| row.id == shift.deployment.0)?))
    });
    if let Some((shift, deployment)) = named {
        changed = shifts::carry_out(tx, deployment, shift).await?;
    }
    let completed = |(_, progress): &(_, Progress)| progress.rollout_state == RolloutState::Completed;
    if plan.status == Some(ServiceStatus::Inactive) || plan.deployments.iter().any(completed) {
        rules::release(tx, loaded.service.id).await?;
    }
    Ok(changed)
}

async fn blocked(db: &Db, loaded: &Loaded, error: &ShiftError, now: DateTime<Utc>) -> Result<Applied> {
    let service = &loaded.service;
    let message = format!("(service {}) was unable to shift traffic: {error}.", service.name);
    let mut tx = db.begin().await?;
    sqlx::query("SELECT 1 FROM services WHERE id = $1 FOR NO KEY UPDATE")
        .bind(service.id)
        .execute(&mut *tx)
        .await?;
    if !events::was_said(&mut tx, service.id, &message, now - QUIET_PERIOD).await? {
        events::add(&mut tx, service.id, &[message], now).await?;
    }
    db.commit(tx, []).await?;
    Ok(Applied::Blocked)
}

/// Notes what became of the starts. `None`: somebody changed the service meanwhile; the next plan finds out by itself.
pub async fn apply_placement(
    db: &Db,
    service_id: i64,
    generation: i64,
    placement: &Placement,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let mut tx = db.begin().await?;
    let held = sqlx::query("SELECT 1 FROM services WHERE id = $1 FOR NO KEY UPDATE").bind(service_id);
    if held.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(None);
    }
    // What happened is told in any case.
    events::add(&mut tx, service_id, &placement.events, now).await?;
    let raised: Option<i64> = sqlx::query_scalar(
        "UPDATE services SET generation = generation + 1 WHERE id = $1 AND generation = $2 RETURNING generation",
    )
    .bind(service_id)
    .bind(generation)
    .fetch_optional(&mut *tx)
    .await?;
    if raised.is_some() {
        for (id, memory) in &placement.memories {
            sqlx::query("UPDATE deployments SET scheduler = $2 WHERE id = $1")
                .bind(id)
                .bind(Json(memory))
                .execute(&mut *tx)
                .await?;
        }
    }
    db.commit(tx, []).await?;
    Ok(raised)
}

/// Raises the generation if it is still the one that was loaded, and writes the service's own row.
async fn claim(
    tx: &mut Tx,
    loaded: &Loaded,
    plan: &Plan,
    settled: bool,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let desired = plan
        .desired_count
        .map(|count| i32::try_from(count).unwrap_or(i32::MAX));
    let query = sqlx::query_scalar(
        "UPDATE services SET generation = generation + 1, settled = $3, desired_count = coalesce($4, desired_count), \
             status = coalesce($5, status), deleted_at = CASE WHEN $5 = 'INACTIVE' THEN $6 ELSE deleted_at END, \
             scheduler = coalesce($7, scheduler) \
         WHERE id = $1 AND generation = $2 RETURNING generation",
    )
    .bind(loaded.service.id)
    .bind(loaded.service.generation)
    .bind(settled)
    .bind(desired)
    .bind(plan.status.map(ServiceStatus::as_str))
    .bind(now)
    .bind(plan.steady.map(Json));
    Ok(query.fetch_optional(&mut **tx).await?)
}

/// The deployment of an earlier revision that the circuit breaker asks for, with that one's images (D-22, SD-01).
async fn roll_back(tx: &mut Tx, service_id: i64, rollback: &Deployment, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "INSERT INTO deployments (id, service_id, status, task_definition_id, desired_count, spec, rollout_state, \
             rollout_state_reason, image_digests, revision_id, created_at, updated_at) \
         SELECT $1, $2, 'ACTIVE', d.task_definition_id, 0, d.spec, 'IN_PROGRESS', '', d.image_digests, \
             coalesce(d.revision_id, d.id), $4, $4 FROM deployments d \
         WHERE d.id = $3 AND d.service_id = $2",
    )
    .bind(rollback.id.0)
    .bind(service_id)
    .bind(rollback.revision.id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    write_progress(tx, rollback.id.0, &rollback.progress, now).await
}

async fn write_progress(tx: &mut Tx, id: i64, progress: &Progress, now: DateTime<Utc>) -> Result<()> {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sqlx::query(
        "UPDATE deployments SET status = $2, desired_count = $3, rollout_state = $4, rollout_state_reason = $5, failed_tasks = $6, \
             scheduler = $7, updated_at = $8 WHERE id = $1",
    )
    .bind(id)
    .bind(status_word(progress.status))
    .bind(count(progress.desired_count))
    .bind(rollout_word(progress.rollout_state))
    .bind(&progress.rollout_state_reason)
    .bind(count(progress.failed_tasks))
    .bind(Json(&progress.memory))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ended tasks are counted once. Of an INACTIVE service nobody counts any more.
async fn account(tx: &mut Tx, service_id: i64, plan: &Plan, all: bool) -> Result<()> {
    if all {
        sqlx::query("UPDATE tasks SET accounted = true WHERE service_id = $1 AND NOT accounted")
            .bind(service_id)
            .execute(&mut **tx)
            .await?;
    } else if !plan.accounted.is_empty() {
        let ids: Vec<Uuid> = plan.accounted.iter().map(|task| task.uuid()).collect();
        sqlx::query("UPDATE tasks SET accounted = true WHERE id = ANY($1)")
            .bind(ids)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

const fn status_word(status: DeploymentStatus) -> &'static str {
    match status {
        DeploymentStatus::Primary => "PRIMARY",
        DeploymentStatus::Active => "ACTIVE",
        DeploymentStatus::Inactive => "INACTIVE",
    }
}

const fn rollout_word(state: RolloutState) -> &'static str {
    match state {
        RolloutState::InProgress => "IN_PROGRESS",
        RolloutState::Completed => "COMPLETED",
        RolloutState::Failed => "FAILED",
    }
}
