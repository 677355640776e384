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
    let wanted = still_wanted(&mut tx, &mending.register).await?;
    let mut groups = groups_of(&mut tx, &mending.deregister).await?;
    groups.extend(wanted.iter().map(|target| target.target_group_arn.clone()));
    let there = touch(&mut tx, &groups).await?;
    let still_there = |target: &TaskTarget| there.contains(&target.target_group_arn);
    let wanted: Vec<TaskTarget> = wanted.into_iter().filter(still_there).collect();
    let registered = register(&mut tx, &wanted, now).await?;
    let drained = drain(&mut tx, &mending.deregister, &there, now).await?;
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
