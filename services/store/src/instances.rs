//! Container instances: what hosts have, what is taken of it, and who holds their agents' sessions (I-01 to I-13).
//!
//! Every change that a placement depends on raises `revision`; `used_*` and `task_groups` change only together with a task's row.
//! Whoever locks both locks tasks first (by id), then instances (by id).

mod assignments;
mod attributes;
mod registration;
pub(crate) mod release;
mod session;
mod status;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Db, Result};

pub use assignments::{Assignment, Look, Unsettled, look, should_run};
pub use attributes::{
    AttributeFilter, AttributeTarget, AttributesChange, change_attributes, list_attributes,
};
pub use registration::{Registration, register};
pub use session::{
    HOST_ADDRESS, Session, SessionTarget, connect, disconnect, find_for_session, report_health,
    reserve_numbers,
};
pub use status::{Deregistered, deregister, forget_before, lost, set_status};

/// Attributes by name; capabilities have no value.
pub type Attributes = BTreeMap<String, Option<String>>;

/// A row of `container_instances`, less the session's columns.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstanceRow {
    pub id: Uuid,
    pub cluster_id: i64,
    #[sqlx(try_from = "String")]
    pub status: InstanceStatus,
    pub status_reason: Option<String>,
    pub ec2_instance_id: Option<String>,
    pub attributes: Json<Attributes>,
    pub agent_version: Option<String>,
    pub agent_hash: Option<String>,
    /// Bare version of the engine.
    pub docker_version: Option<String>,
    /// Registered CPU units and MiB.
    pub cpu: i64,
    pub memory: i64,
    pub reserved_ports: Vec<i32>,
    pub reserved_ports_udp: Vec<i32>,
    pub gpus: Vec<String>,
    /// Taken by tasks that are not STOPPED (I-03); ports include the reserved ones.
    pub used_cpu: i64,
    pub used_memory: i64,
    pub used_ports: Vec<i32>,
    pub used_ports_udp: Vec<i32>,
    pub used_gpus: Vec<String>,
    /// Group → number of tasks that are not STOPPED.
    pub task_groups: Json<BTreeMap<String, i64>>,
    pub revision: i64,
    pub health: Option<Json<Vec<HealthRecord>>>,
    pub registered_at: DateTime<Utc>,
    pub deregistered_at: Option<DateTime<Utc>>,
    pub agent_connected: bool,
}

impl InstanceRow {
    pub fn instance_id(&self) -> ContainerInstanceId {
        ContainerInstanceId(self.id)
    }
}

/// Health of one part of a host, in column `health` (I-12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// The API's word: `CONTAINER_RUNTIME`.
    pub r#type: String,
    /// OK, IMPAIRED, INSUFFICIENT_DATA or INITIALIZING.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status_change: Option<DateTime<Utc>>,
}

/// Tasks of an instance that are not STOPPED (I-06).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// desiredStatus RUNNING.
    pub running: i64,
    /// lastStatus PENDING.
    pub pending: i64,
}

pub(crate) const COLUMNS: &str = "id, cluster_id, status, status_reason, ec2_instance_id, attributes, agent_version, agent_hash, \
    docker_version, cpu, memory, reserved_ports, reserved_ports_udp, gpus, used_cpu, used_memory, used_ports, used_ports_udp, \
    used_gpus, task_groups, revision, health, registered_at, deregistered_at, agent_connected";

/// The instance of this cluster, whatever its status.
pub async fn find(db: &Db, cluster_id: i64, id: ContainerInstanceId) -> Result<Option<InstanceRow>> {
    Ok(find_many(db, cluster_id, &[id]).await?.pop())
}

/// Those of these instances that are in the cluster, whatever their status, in the order of their ids.
pub async fn find_many(db: &Db, cluster_id: i64, ids: &[ContainerInstanceId]) -> Result<Vec<InstanceRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM container_instances WHERE cluster_id = $1 AND id = ANY($2) ORDER BY id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(ids)
        .fetch_all(db.pool())
        .await?)
}

/// Instances of the cluster after `after`, in the order of their ids; INACTIVE ones only if asked for by `status` (I-11).
/// `limit` `None` gives all.
pub async fn list(
    db: &Db,
    cluster_id: i64,
    status: Option<InstanceStatus>,
    after: Option<ContainerInstanceId>,
    limit: Option<i64>,
) -> Result<Vec<InstanceRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM container_instances \
         WHERE cluster_id = $1 AND status <> 'INACTIVE' AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id > $3) \
         ORDER BY id LIMIT $4"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(status.map(InstanceStatus::as_str))
        .bind(after.map(ContainerInstanceId::uuid))
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}

/// Numbers of tasks of these instances; those without tasks are not in the map. Not scoped: ids come from rows that were.
pub async fn task_counts(db: &Db, ids: &[Uuid]) -> Result<BTreeMap<Uuid, TaskCounts>> {
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "SELECT instance_id, count(*) FILTER (WHERE desired_status = 'RUNNING'), count(*) FILTER (WHERE last_status = 'PENDING') \
         FROM tasks WHERE instance_id = ANY($1) AND last_status <> 'STOPPED' GROUP BY instance_id",
    )
    .bind(ids)
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, running, pending)| (id, TaskCounts { running, pending }))
        .collect())
}
