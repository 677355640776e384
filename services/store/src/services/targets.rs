//! Targets of services' tasks in target groups (LB-01 to LB-05, T-43), for many tasks at a time. A service registers and takes out its
//! own only; how healthy they are is what proxies report of them.
//!
//! Lock order: services, tasks, then target groups by ARN; targets change only under their group's lock.

mod mend;
mod standing;

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::DeploymentId;
use planning::deployment::events;
use routing::{Health, HealthReason, HealthState, health};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::targets::draining_deadline;
use crate::tasks::Stopped;
use crate::{Db, Result, StoreError, Tx, Wake, targets};

pub use mend::{Mended, Mending, mend};
pub use standing::{Candidate, Group, Standing, services_to_mend, services_with_load_balancers, standing};

/// What a task is to be registered as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTarget {
    pub task: Uuid,
    pub target_group_arn: String,
    /// Instance id or address.
    pub target_id: String,
    pub port: i32,
    pub availability_zone: Option<String>,
    /// Where to connect; `None` while the host's address is not known.
    pub address: Option<IpAddr>,
}

/// A target of a task as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFacts {
    pub target_group_arn: String,
    /// Instance id or address.
    pub target_id: String,
    pub port: i32,
    /// As DescribeTargetHealth shows it (LB-16).
    pub health: Health,
}

/// The targets of these tasks, by task, in the order of groups and ports. Not scoped: the ids come from rows that were.
pub async fn of_tasks(db: &Db, tasks: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<TargetFacts>>> {
    let rows = sqlx::query(
        "SELECT t.task_id, t.target_group_arn, t.target_id, t.port, t.health_state, t.health_reason, t.health_description, \
             t.draining_until IS NOT NULL AS draining, t.address IS NOT NULL AS reachable, \
             coalesce((g.health_check->>'enabled')::boolean, true) AS checked, \
             EXISTS (SELECT 1 FROM rule_target_groups r WHERE r.target_group_arn = g.arn) AS in_use \
         FROM targets t JOIN target_groups g ON g.arn = t.target_group_arn WHERE t.task_id = ANY($1) \
         ORDER BY t.target_group_arn, t.port",
    )
    .bind(tasks)
    .fetch_all(db.pool())
    .await?;
    let mut by_task: BTreeMap<Uuid, Vec<TargetFacts>> = BTreeMap::new();
    for row in &rows {
        by_task
            .entry(row.try_get("task_id")?)
            .or_default()
            .push(facts(row)?);
    }
    Ok(by_task)
}

fn facts(row: &PgRow) -> Result<TargetFacts> {
    let standing = health::Standing {
        in_use: row.try_get("in_use")?,
        checked: row.try_get("checked")?,
        reachable: row.try_get("reachable")?,
        draining: row.try_get("draining")?,
    };
    let state: &str = row.try_get("health_state")?;
    let reason: Option<&str> = row.try_get("health_reason")?;
    let observed = Health {
        state: HealthState::from_name(state).ok_or_else(|| StoreError::Inconsistent {
            table: "targets",
            reason: format!("health state '{state}'"),
        })?,
        reason: reason.and_then(HealthReason::from_name),
        description: row.try_get("health_description")?,
    };
    Ok(TargetFacts {
        target_group_arn: row.try_get("target_group_arn")?,
        target_id: row.try_get("target_id")?,
        port: row.try_get("port")?,
        health: health::shown(standing, &observed),
    })
}

/// Locks these target groups in the order of their ARNs and tells proxies of them; gives those that are there.
async fn touch(tx: &mut Tx, groups: &[String]) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "WITH held AS (SELECT arn FROM target_groups WHERE arn = ANY($1) ORDER BY arn FOR NO KEY UPDATE) \
         UPDATE target_groups g SET revision = nextval('route_revisions') FROM held WHERE g.arn = held.arn RETURNING g.arn",
    );
    Ok(query.bind(groups).fetch_all(&mut **tx).await?)
}

/// Registers targets in groups that the caller holds (LB-01). One that a user registered becomes the task's and goes on as it is, unless
/// it drains or has moved: then it starts over (LB-19), as at an address that another task had.
async fn register(tx: &mut Tx, new: &[TaskTarget], now: DateTime<Utc>) -> Result<Vec<String>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<Uuid> = new.iter().map(|target| target.task).collect();
    let groups: Vec<&str> = new
        .iter()
        .map(|target| target.target_group_arn.as_str())
        .collect();
    let ids: Vec<&str> = new.iter().map(|target| target.target_id.as_str()).collect();
    let ports: Vec<i32> = new.iter().map(|target| target.port).collect();
    let zones: Vec<Option<&str>> = new
        .iter()
        .map(|target| target.availability_zone.as_deref())
        .collect();
    let addresses = new
        .iter()
        .map(|target| target.address.map(|address| address.to_string()));
    let addresses: Vec<Option<String>> = addresses.collect();
    sqlx::query(
        "DELETE FROM targets t USING unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::uuid[]) AS n(arn, id, port, address, task) \
         WHERE t.target_group_arn = n.arn AND t.target_id = n.id AND t.port = n.port \
           AND (t.draining_until IS NOT NULL OR t.address IS DISTINCT FROM n.address::inet OR t.task_id <> n.task)",
    )
    .bind(&groups)
    .bind(&ids)
    .bind(&ports)
    .bind(&addresses)
    .bind(&tasks)
    .execute(&mut **tx)
    .await?;
    let fresh = Health::registered();
    let query = sqlx::query_scalar(
        "INSERT INTO targets (task_id, target_group_arn, target_id, port, availability_zone, address, registered_at, health_state, \
             health_reason, health_description, health_since) \
         SELECT DISTINCT ON (n.arn, n.id, n.port) n.task, n.arn, n.id, n.port, n.zone, n.address::inet, $7, $8, $9, $10, $7 \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[]) AS n(task, arn, id, port, zone, address) \
         ON CONFLICT (target_group_arn, target_id, port) DO UPDATE SET task_id = excluded.task_id, \
             availability_zone = excluded.availability_zone WHERE targets.task_id IS DISTINCT FROM excluded.task_id \
         RETURNING target_group_arn",
    );
    Ok(query
        .bind(&tasks)
        .bind(&groups)
        .bind(&ids)
        .bind(&ports)
        .bind(&zones)
        .bind(&addresses)
        .bind(now)
        .bind(fresh.state.name())
        .bind(fresh.reason.map(HealthReason::name))
        .bind(fresh.description)
        .fetch_all(&mut **tx)
        .await?)
}

/// Groups in which one of these tasks has a target that does not drain yet.
async fn groups_of(tx: &mut Tx, tasks: &[Uuid]) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT target_group_arn FROM targets WHERE task_id = ANY($1) AND draining_until IS NULL",
    );
    Ok(query.bind(tasks).fetch_all(&mut **tx).await?)
}

/// Takes tasks out of all their target groups: no new requests from now on, and after the group's delay the connections are closed
/// (LB-19). Targets that drain already go on draining. Gives the groups that each task was taken out of now.
pub(crate) async fn deregister(
    tx: &mut Tx,
    tasks: &[Uuid],
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, Vec<String>>> {
    let groups = groups_of(tx, tasks).await?;
    let held = touch(tx, &groups).await?;
    drain(tx, tasks, &held, now).await
}

/// The same in groups that the caller holds.
async fn drain(
    tx: &mut Tx,
    tasks: &[Uuid],
    groups: &[String],
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, Vec<String>>> {
    let mut drained: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for group in groups {
        let change = match draining_deadline(tx, group, now).await? {
            Some(deadline) => sqlx::query_scalar(
                "UPDATE targets SET draining_until = $3 WHERE target_group_arn = $1 AND task_id = ANY($2) AND draining_until IS NULL \
                 RETURNING task_id",
            )
            .bind(group)
            .bind(tasks)
            .bind(deadline),
            None => sqlx::query_scalar(
                "DELETE FROM targets WHERE target_group_arn = $1 AND task_id = ANY($2) AND draining_until IS NULL RETURNING task_id",
            )
            .bind(group)
            .bind(tasks),
        };
        let left: Vec<Uuid> = change.fetch_all(&mut **tx).await?;
        for task in left {
            drained.entry(task).or_default().push(group.clone());
        }
    }
    Ok(drained)
}

/// When the last target of each of these tasks will have drained. Those without draining targets are not in the map.
pub(crate) async fn drained_at(tx: &mut Tx, tasks: &[Uuid]) -> Result<BTreeMap<Uuid, DateTime<Utc>>> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT task_id, max(draining_until) FROM targets WHERE task_id = ANY($1) AND draining_until IS NOT NULL GROUP BY task_id",
    )
    .bind(tasks)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().collect())
}

/// What is told of tasks that were taken out of their target groups in order to be stopped (D-11, D-17).
pub(crate) fn drain_events(service: &str, stopped: &[Stopped]) -> Vec<String> {
    let mut draining: BTreeMap<i64, usize> = BTreeMap::new();
    for task in stopped.iter().filter(|task| !task.drained.is_empty()) {
        *draining
            .entry(task.deployment_id.unwrap_or_default())
            .or_default() += 1;
    }
    let draining = draining
        .into_iter()
        .map(|(id, count)| events::draining_connections(service, DeploymentId(id), count));
    let groups = stopped.iter().flat_map(|task| &task.drained);
    draining.chain(deregistration_events(service, groups)).collect()
}

fn deregistration_events<'a>(service: &str, groups: impl Iterator<Item = &'a String>) -> Vec<String> {
    let told = |(group, count): (&String, usize)| events::deregistered_targets(service, count, group);
    counted(groups).into_iter().map(told).collect()
}

/// How often each comes.
fn counted<'a>(groups: impl Iterator<Item = &'a String>) -> BTreeMap<&'a String, usize> {
    let mut counts = BTreeMap::new();
    for group in groups {
        *counts.entry(group).or_default() += 1;
    }
    counts
}

/// Ends the draining of targets whose time has passed, and takes out those whose task is not there any more. Of all accounts.
/// Gives when the next one will have drained.
pub async fn clear(db: &Db, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let orphans: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT g.task_id FROM targets g WHERE g.task_id IS NOT NULL AND g.draining_until IS NULL \
         AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = g.task_id)",
    )
    .fetch_all(db.pool())
    .await?;
    if !orphans.is_empty() {
        let mut tx = db.begin().await?;
        deregister(&mut tx, &orphans, now).await?;
        db.commit(tx, [Wake::Routes]).await?;
    }
    targets::remove_drained(db, now).await?;
    let next = sqlx::query_scalar("SELECT min(draining_until) FROM targets WHERE draining_until IS NOT NULL");
    Ok(next.fetch_one(db.pool()).await?)
}

#[cfg(test)]
mod tests;
