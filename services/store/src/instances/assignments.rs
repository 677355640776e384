//! What agents have to be told, read for many sessions at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{DesiredStatus, InstanceStatus, TaskStatus};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::tasks::{ContainerRecord, TaskSpec};
use crate::{Db, Result};

/// What stands in the database for one session.
#[derive(Debug, Clone)]
pub struct Look {
    pub status: InstanceStatus,
    /// The session that counts; another one has to go.
    pub session_id: Option<Uuid>,
    /// Tasks that are on the way up or down. Those that run as they should are not among them.
    pub tasks: Vec<Unsettled>,
}

/// A task that its agent has to start or to stop.
#[derive(Debug, Clone)]
pub struct Unsettled {
    pub desired_status: DesiredStatus,
    pub last_status: TaskStatus,
    pub assignment: Assignment,
}

/// What a payload is made of, besides the task definition.
#[derive(Debug, Clone, FromRow)]
pub struct Assignment {
    #[sqlx(rename = "task_id")]
    pub id: Uuid,
    pub task_definition_id: i64,
    pub task_group: String,
    /// `EC2`, `EXTERNAL` or `FARGATE`.
    pub launch_type: String,
    pub gpu_ids: Vec<String>,
    pub spec: Json<TaskSpec>,
    pub containers: Json<Vec<ContainerRecord>>,
    /// Digests of the images that the task's deployment runs, by container (D-30).
    pub image_digests: Json<BTreeMap<String, String>>,
}

/// What stands there for each of these instances. Not scoped: the ids are those of verified sessions. Stops of tasks whose targets are
/// drained only after `now` are not among them (T-43).
pub async fn look(db: &Db, instances: &[Uuid], now: DateTime<Utc>) -> Result<BTreeMap<Uuid, Look>> {
    let rows = sqlx::query(
        "SELECT i.id AS instance_id, i.status, i.session_id, t.id AS task_id, t.desired_status, t.last_status, t.task_definition_id, \
                t.task_group, t.launch_type, t.gpu_ids, t.spec, t.containers, coalesce(d.image_digests, '{}') AS image_digests \
         FROM container_instances i LEFT JOIN tasks t ON t.instance_id = i.id AND t.last_status <> 'STOPPED' \
              AND (t.desired_status = 'STOPPED' OR t.last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING')) \
              AND (t.draining_until IS NULL OR t.draining_until <= $2) \
              LEFT JOIN deployments d ON d.id = t.deployment_id \
         WHERE i.id = ANY($1) ORDER BY t.created_at, t.id",
    )
    .bind(instances)
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let mut looks: BTreeMap<Uuid, Look> = BTreeMap::new();
    for row in &rows {
        let look = match looks.entry(row.try_get("instance_id")?) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Look {
                status: word(row, "status")?,
                session_id: row.try_get("session_id")?,
                tasks: Vec::new(),
            }),
        };
        if let Some(task) = row.try_get::<Option<Uuid>, _>("task_id")? {
            match unsettled(row) {
                Ok(unsettled) => look.tasks.push(unsettled),
                // What another version of ours wrote must not hold up all other tasks and hosts.
                Err(error) => {
                    tracing::error!(%task, error = &error as &dyn std::error::Error, "a task cannot be read")
                }
            }
        }
    }
    Ok(looks)
}

fn unsettled(row: &PgRow) -> Result<Unsettled> {
    Ok(Unsettled {
        desired_status: word(row, "desired_status")?,
        last_status: word(row, "last_status")?,
        assignment: Assignment::from_row(row)?,
    })
}

fn word<T: std::str::FromStr<Err = String>>(row: &PgRow, column: &str) -> Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|reason: String| {
        sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: reason.into(),
        }
        .into()
    })
}

/// All tasks that should run on each of these instances, for their manifests: also those whose targets still drain. Instances without
/// any are not in the map.
pub async fn should_run(
    db: &Db,
    instances: &[Uuid],
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, Vec<Uuid>>> {
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT instance_id, id FROM tasks WHERE instance_id = ANY($1) AND last_status <> 'STOPPED' \
         AND (desired_status = 'RUNNING' OR draining_until > $2)",
    )
    .bind(instances)
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let mut by_instance: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (instance, task) in rows {
        by_instance.entry(instance).or_default().push(task);
    }
    Ok(by_instance)
}
