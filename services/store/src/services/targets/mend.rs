//! Bringing a service's targets to what its tasks are, and telling of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use planning::deployment::events as texts;
use uuid::Uuid;

use super::{TaskTarget, counted, deregistration_events, drain, groups_of, register, touch};
use crate::services::events;
use crate::{Db, Result, Tx, Wake};

/// What is to be mended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mending {
    pub register: Vec<TaskTarget>,
    /// Tasks that have ended or end by themselves (LB-02).
    pub deregister: Vec<Uuid>,
    /// Target groups that tasks should be registered in and that are not there: group and error (LB-05).
    pub failures: BTreeSet<(String, String)>,
}

/// What was mended: numbers of targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mended {
    pub registered: usize,
    pub deregistered: usize,
}

/// Does it under the service's lock. Tasks that were asked to stop meanwhile are not registered any more.
pub async fn mend(db: &Db, service: i64, mending: &Mending, now: DateTime<Utc>) -> Result<Mended> {
    let mut tx = db.begin().await?;
    let name: Option<String> =
        sqlx::query_scalar("SELECT name FROM services WHERE id = $1 FOR NO KEY UPDATE")
            .bind(service)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(name) = name else {
        return Ok(Mended::default());
    };
    let missing = missing(&mut tx, &mending.register).await?;
    let wanted = still_wanted(&mut tx, &missing).await?;
    let mut groups = groups_of(&mut tx, &mending.deregister).await?;
    groups.extend(wanted.iter().map(|target| target.target_group_arn.clone()));
    let there = touch(&mut tx, &groups).await?;
    let still_there = |target: &TaskTarget| there.contains(&target.target_group_arn);
    let wanted: Vec<TaskTarget> = wanted.into_iter().filter(still_there).collect();
    // Who comes may have the address of who goes, and begins anew there.
    let drained = drain(&mut tx, &mending.deregister, &there, now).await?;
    let registered = register(&mut tx, &wanted, now).await?;
    let deregistered: Vec<&String> = drained.values().flatten().collect();
    let mut told: Vec<String> = counted(registered.iter())
        .into_iter()
        .map(|(group, count)| texts::registered_targets(&name, count, group))
        .collect();
    told.extend(deregistration_events(&name, deregistered.iter().copied()));
    for (group, error) in &mending.failures {
        let text = texts::failed_to_register(&name, group, error);
        if !events::was_said(&mut tx, service, &text, now - texts::QUIET_PERIOD).await? {
            told.push(text);
        }
    }
    events::add(&mut tx, service, &told, now).await?;
    let mended = Mended {
        registered: registered.len(),
        deregistered: deregistered.len(),
    };
    let changed = mended != Mended::default();
    let wakes = [Wake::Routes, Wake::Service(service)];
    db.commit(tx, wakes.into_iter().filter(|_| changed)).await?;
    Ok(mended)
}

/// Those that are not registered as they are: groups in which nothing is to be done need not be told to proxies.
async fn missing(tx: &mut Tx, targets: &[TaskTarget]) -> Result<Vec<TaskTarget>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let column = |read: fn(&TaskTarget) -> &str| targets.iter().map(read).collect::<Vec<&str>>();
    let there: Vec<(Uuid, String, String, i32, Option<String>)> = sqlx::query_as(
        "SELECT t.task_id, t.target_group_arn, t.target_id, t.port, host(t.address) FROM targets t \
         JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::integer[])) AS n(arn, id, port) \
             ON t.target_group_arn = n.arn AND t.target_id = n.id AND t.port = n.port \
         WHERE t.task_id IS NOT NULL AND t.draining_until IS NULL",
    )
    .bind(column(|target| &target.target_group_arn))
    .bind(column(|target| &target.target_id))
    .bind(targets.iter().map(|target| target.port).collect::<Vec<i32>>())
    .fetch_all(&mut **tx)
    .await?;
    let is_there = |target: &&TaskTarget| {
        let address = target.address.map(|address| address.to_string());
        there.iter().any(|(task, group, id, port, known)| {
            (*task, *port, group, id, known)
                == (
                    target.task,
                    target.port,
                    &target.target_group_arn,
                    &target.target_id,
                    &address,
                )
        })
    };
    Ok(targets
        .iter()
        .filter(|target| !is_there(target))
        .cloned()
        .collect())
}

/// Those whose tasks are to run, held so that nobody stops them before the commit: whoever stops them then finds their targets.
async fn still_wanted(tx: &mut Tx, targets: &[TaskTarget]) -> Result<Vec<TaskTarget>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = targets.iter().map(|target| target.task).collect();
    let held: BTreeSet<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE id = ANY($1) AND desired_status = 'RUNNING' \
         AND last_status IN ('PENDING', 'ACTIVATING', 'RUNNING') ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .collect();
    let wanted = targets.iter().filter(|target| held.contains(&target.task));
    Ok(wanted.cloned().collect())
}
