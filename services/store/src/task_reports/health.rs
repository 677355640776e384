//! Health of containers, as agents see it (T-50 to T-52).

use std::collections::BTreeMap;

use domain::{ContainerStatus, HealthStatus};
use sqlx::types::Json;
use uuid::Uuid;

use crate::tasks::ContainerRecord;
use crate::{Db, Result, Wake};

/// Health by container name.
pub type ContainerHealths = BTreeMap<String, HealthStatus>;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    service_id: Option<i64>,
    version: i64,
    #[sqlx(try_from = "String")]
    health: HealthStatus,
    containers: Json<Vec<ContainerRecord>>,
}

/// Takes over the health of containers of tasks on this instance. Gives the tasks that are known to be up to date now; the others are
/// not there, or changed in between: their next report will do.
pub async fn apply_health(
    db: &Db,
    instance: Uuid,
    tasks: &BTreeMap<Uuid, ContainerHealths>,
) -> Result<Vec<Uuid>> {
    let ids: Vec<Uuid> = tasks.keys().copied().collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, service_id, version, health, containers FROM tasks \
         WHERE id = ANY($1) AND instance_id = $2 AND last_status <> 'STOPPED' ORDER BY id",
    )
    .bind(ids)
    .bind(instance)
    .fetch_all(db.pool())
    .await?;
    let mut current = Vec::with_capacity(rows.len());
    for mut row in rows {
        let Some(healths) = tasks.get(&row.id) else {
            continue;
        };
        if !take_over(&mut row.containers.0, healths) || write(db, &mut row).await? {
            current.push(row.id);
        }
    }
    Ok(current)
}

/// True if a container's health is another one now. Only checks of the definition count (T-50).
fn take_over(containers: &mut [ContainerRecord], healths: &ContainerHealths) -> bool {
    let mut changed = false;
    for container in containers
        .iter_mut()
        .filter(|c| c.has_health_check && c.last_status != ContainerStatus::Stopped)
    {
        if let Some(health) = healths
            .get(&container.name)
            .filter(|health| **health != container.health)
        {
            container.health = *health;
            changed = true;
        }
    }
    changed
}

/// False if the task has changed since it was read.
async fn write(db: &Db, row: &mut Row) -> Result<bool> {
    let essential = row.containers.iter().filter(|container| container.essential);
    let health = HealthStatus::of_task(essential.map(|container| container.health));
    let done = sqlx::query(
        "UPDATE tasks SET containers = $3, health = $4, version = version + 1 WHERE id = $1 AND version = $2",
    )
    .bind(row.id)
    .bind(row.version)
    .bind(Json(&row.containers.0))
    .bind(health.as_str())
    .execute(db.pool())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(service) = row.service_id.filter(|_| health != row.health) {
        db.wakes().send(Wake::Service(service));
    }
    Ok(true)
}
