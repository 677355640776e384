//! New tasks.

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, Resources, TaskId};
use sqlx::types::Json;
use uuid::Uuid;

use super::{COLUMNS, ContainerRecord, TaskRow, TaskSpec};
use crate::{Result, Tx};

/// A task that has a place and is to be started there: PENDING (T-01).
#[derive(Debug, Clone)]
pub struct NewTask {
    pub id: TaskId,
    pub cluster_id: i64,
    pub instance: ContainerInstanceId,
    pub task_definition_id: i64,
    /// Row id of the service and the digits of its deployment.
    pub service: Option<(i64, i64)>,
    pub group: String,
    pub started_by: Option<String>,
    pub launch_type: String,
    pub resources: Resources,
    pub gpu_ids: Vec<String>,
    pub spec: TaskSpec,
    pub containers: Vec<ContainerRecord>,
}

/// Inserts tasks in one statement, in the caller's transaction, which also took their resources from the instances.
pub async fn insert(tx: &mut Tx, tasks: &[NewTask], now: DateTime<Utc>) -> Result<Vec<TaskRow>> {
    let sql = format!(
        "INSERT INTO tasks (id, cluster_id, instance_id, task_definition_id, service_id, deployment_id, task_group, started_by, \
             launch_type, desired_status, last_status, resources, gpu_ids, spec, containers, created_at) \
         SELECT n.id, n.cluster_id, n.instance_id, n.task_definition_id, n.service_id, n.deployment_id, n.task_group, n.started_by, \
             n.launch_type, 'RUNNING', 'PENDING', n.resources, \
             ARRAY(SELECT jsonb_array_elements_text(n.gpu_ids)), n.spec, n.containers, $14 \
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], \
             $9::text[], $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::jsonb[]) \
             AS n(id, cluster_id, instance_id, task_definition_id, service_id, deployment_id, task_group, started_by, \
                  launch_type, resources, gpu_ids, spec, containers) \
         RETURNING {COLUMNS}"
    );
    let ids: Vec<Uuid> = tasks.iter().map(|t| t.id.uuid()).collect();
    let rows: Vec<TaskRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&ids)
        .bind(tasks.iter().map(|t| t.cluster_id).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| t.instance.uuid()).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| t.task_definition_id).collect::<Vec<_>>())
        .bind(
            tasks
                .iter()
                .map(|t| t.service.map(|(id, _)| id))
                .collect::<Vec<_>>(),
        )
        .bind(
            tasks
                .iter()
                .map(|t| t.service.map(|(_, deployment)| deployment))
                .collect::<Vec<_>>(),
        )
        .bind(tasks.iter().map(|t| t.group.as_str()).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| t.started_by.as_deref()).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| t.launch_type.as_str()).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| Json(&t.resources)).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| Json(&t.gpu_ids)).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| Json(&t.spec)).collect::<Vec<_>>())
        .bind(tasks.iter().map(|t| Json(&t.containers)).collect::<Vec<_>>())
        .bind(now)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows)
}
