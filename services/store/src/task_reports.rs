//! What agents report of tasks. Reports come late, twice and out of order: each is applied at most once, and nothing moves back (AG-04,
//! T-01). A task that becomes STOPPED gives its resources back in the same statement.

mod advance;
mod health;
mod host;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{ContainerStatus, Scope, TaskId, TaskStatus};
use sqlx::types::Json;
use uuid::Uuid;

use crate::instances::release::{self, Release};
use crate::services::deployments;
use crate::tasks::{COLUMNS, NetworkBindingRecord, TaskRow};
use crate::{Db, Result, StoreError, Wake};

pub use health::{ContainerHealths, apply_health};
pub use host::{StoppedAll, stop_all, stop_all_on_lost_host};

/// A report about one task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskReport {
    /// PENDING, RUNNING or STOPPED; `None` in reports about a container only.
    pub status: Option<TaskStatus>,
    pub reason: Option<String>,
    /// The same container may come several times; the order counts.
    pub containers: Vec<ContainerReport>,
    pub pull_started_at: Option<DateTime<Utc>>,
    pub pull_stopped_at: Option<DateTime<Utc>>,
    pub execution_stopped_at: Option<DateTime<Utc>>,
}

/// A report about one container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerReport {
    pub name: String,
    pub status: Option<ContainerStatus>,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub runtime_id: Option<String>,
    pub image_digest: Option<String>,
    pub network_bindings: Vec<NetworkBindingRecord>,
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The cluster has no such task (any more).
    Unknown,
    /// It said nothing new.
    Unchanged,
    Changed,
}

/// Applies a report about a task of the cluster called `cluster`.
///
/// Two round trips, no lock in between: the change commits only if the task is still as it was read.
pub async fn apply(
    db: &Db,
    scope: &Scope,
    cluster: &str,
    task: TaskId,
    report: &TaskReport,
    now: DateTime<Utc>,
) -> Result<Applied> {
    const ATTEMPTS: u32 = 16;
    for _ in 0..ATTEMPTS {
        let Some(before) = read(db, scope, cluster, task).await? else {
            return Ok(Applied::Unknown);
        };
        let mut after = before.clone();
        if !advance::advance(&mut after, report, now) {
            return Ok(Applied::Unchanged);
        }
        pin_images(db, &before, &after).await?;
        let arn = scope.task_arn(cluster, task);
        if write(db, scope, &arn, &after).await? {
            for wake in wakes(&before, &after) {
                db.wakes().send(wake);
            }
            return Ok(Applied::Changed);
        }
    }
    Err(StoreError::Contended {
        act: "apply a task's report",
        attempts: ATTEMPTS,
    })
}

/// Digests that a service's task reports first are for its deployment (D-30).
async fn pin_images(db: &Db, before: &TaskRow, after: &TaskRow) -> Result<()> {
    let Some(deployment) = after.deployment_id else {
        return Ok(());
    };
    let pairs = before.containers.iter().zip(after.containers.iter());
    let new: BTreeMap<&str, &str> = pairs
        .filter(|(before, after)| before.image_digest != after.image_digest)
        .filter_map(|(_, after)| Some((after.name.as_str(), after.image_digest.as_deref()?)))
        .filter(|(_, digest)| digest.starts_with("sha256:"))
        .collect();
    match new.is_empty() {
        true => Ok(()),
        false => deployments::pin_images(db, deployment, &new).await,
    }
}

/// The agent has begun to stop these tasks: STOPPING for those that were asked to.
pub async fn stopping(db: &Db, tasks: &[Uuid]) -> Result<()> {
    let services: Vec<Option<i64>> = sqlx::query_scalar(
        "WITH held AS (SELECT id FROM tasks WHERE id = ANY($1) AND desired_status = 'STOPPED' \
             AND last_status IN ('PENDING', 'ACTIVATING', 'RUNNING', 'DEACTIVATING') ORDER BY id FOR UPDATE) \
         UPDATE tasks t SET last_status = 'STOPPING', version = t.version + 1 FROM held WHERE t.id = held.id RETURNING t.service_id",
    )
    .bind(tasks)
    .fetch_all(db.pool())
    .await?;
    for service in services.into_iter().flatten() {
        db.wakes().send(Wake::Service(service));
    }
    Ok(())
}

async fn read(db: &Db, scope: &Scope, cluster: &str, task: TaskId) -> Result<Option<TaskRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM tasks WHERE id = $1 AND cluster_id = \
         (SELECT c.id FROM clusters c WHERE c.account = $2 AND c.region = $3 AND c.name = $4 AND c.status <> 'INACTIVE')"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(task.uuid())
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(cluster);
    Ok(query.fetch_optional(db.pool()).await?)
}

/// Writes the observed side of a task, and gives back its resources and tags (TG-06) if it is STOPPED now. False if someone else
/// has changed the task since it was read.
async fn write(db: &Db, scope: &Scope, arn: &str, task: &TaskRow) -> Result<bool> {
    let update = "UPDATE tasks SET last_status = $3, desired_status = $4, health = $5, containers = $6, stop_code = $7, \
        stopped_reason = $8, pull_started_at = $9, pull_stopped_at = $10, started_at = $11, stopping_at = $12, \
        execution_stopped_at = $13, stopped_at = $14, version = version + 1 WHERE id = $1 AND version = $2";
    let stopped = task.last_status == TaskStatus::Stopped;
    let sql = match stopped {
        false => update.to_owned(),
        true => format!(
            "WITH changed AS ({update} RETURNING instance_id), \
             released AS (UPDATE container_instances i SET {} FROM changed WHERE i.id = changed.instance_id), \
             untagged AS (DELETE FROM tags WHERE account = $21 AND region = $22 AND arn = $23 AND EXISTS (SELECT 1 FROM changed)) \
             SELECT 1 FROM changed",
            release::set(15)
        ),
    };
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(task.id)
        .bind(task.version)
        .bind(task.last_status.as_str())
        .bind(task.desired_status.as_str())
        .bind(task.health.as_str())
        .bind(Json(&task.containers.0))
        .bind(&task.stop_code)
        .bind(&task.stopped_reason)
        .bind(task.pull_started_at)
        .bind(task.pull_stopped_at)
        .bind(task.started_at)
        .bind(task.stopping_at)
        .bind(task.execution_stopped_at)
        .bind(task.stopped_at);
    if stopped {
        let mut release = Release::default();
        release.add(&task.resources, &task.gpu_ids, &task.task_group);
        query = release
            .bind(query)
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(arn);
    }
    Ok(query.execute(db.pool()).await?.rows_affected() == 1)
}

/// Whom the change concerns: the agent if the task has to be stopped now, placement if resources are free, the service. Ports that are
/// bound now may be those of targets (LB-01).
fn wakes(before: &TaskRow, after: &TaskRow) -> Vec<Wake> {
    let desired_moved = before.desired_status != after.desired_status;
    let last_moved = before.last_status != after.last_status;
    let bindings = |task: &TaskRow| -> Vec<_> {
        let containers = task.containers.iter();
        containers
            .map(|container| container.network_bindings.len())
            .collect()
    };
    let ports_bound = || bindings(before) != bindings(after);
    let mut wakes = Vec::new();
    if let Some(instance) = after.instance_id {
        if after.last_status == TaskStatus::Stopped {
            wakes.push(Wake::Host(after.cluster_id, instance));
        } else if desired_moved {
            wakes.push(Wake::Instance(instance));
        }
    }
    wakes.extend(
        after
            .service_id
            .filter(|_| desired_moved || last_moved || ports_bound())
            .map(Wake::Service),
    );
    wakes
}
