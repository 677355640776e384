//! Targets that services register for their tasks (LB-01, LB-02).

use chrono::{DateTime, Utc};
use domain::{Scope, TaskId};
use routing::Health;
use sqlx::{AssertSqlSafe, FromRow, Row};
use uuid::Uuid;

use super::registration::draining_deadline;
use super::{COLUMNS, NewTarget, TargetRow, register};
use crate::routes::touch_target_group;
use crate::{Db, Result, Tx};

/// A task's target with what decides about its health.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskTarget {
    pub task_id: TaskId,
    pub target: TargetRow,
    /// As DescribeTargetHealth shows it (LB-16).
    pub health: Health,
}

/// Registers a task with target groups, one target each. Gives the groups that do not exist, with which nothing is registered (LB-05).
/// Registering again changes nothing.
pub async fn register_task(
    tx: &mut Tx,
    scope: &Scope,
    task: TaskId,
    targets: &[(String, NewTarget)],
    now: DateTime<Utc>,
) -> Result<Vec<String>> {
    let mut targets: Vec<&(String, NewTarget)> = targets.iter().collect();
    // Everybody locks groups in this order.
    targets.sort_by(|a, b| a.0.cmp(&b.0));
    let mut missing = Vec::new();
    for (group, target) in targets {
        match crate::target_groups::hold(tx, scope, group).await? {
            Some(_) => register(tx, group, Some(task.uuid()), std::slice::from_ref(target), now).await?,
            None => missing.push(group.clone()),
        }
    }
    Ok(missing)
}

/// Lets all targets of a task drain. Gives the instant at which the last of them is drained, also when it was deregistered before;
/// `None`: nothing is registered any more, so that the task may stop at once.
pub async fn deregister_task(tx: &mut Tx, task: TaskId, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let groups: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT target_group_arn FROM targets WHERE task_id = $1 AND draining_until IS NULL ORDER BY 1",
    )
    .bind(task.uuid())
    .fetch_all(&mut **tx)
    .await?;
    for group in &groups {
        // Takes the lock of the group first, as everybody does.
        touch_target_group(tx, group).await?;
        let change = match draining_deadline(tx, group, now).await? {
            Some(deadline) => sqlx::query(
                "UPDATE targets SET draining_until = $3 WHERE target_group_arn = $1 AND task_id = $2 AND draining_until IS NULL",
            )
            .bind(group)
            .bind(task.uuid())
            .bind(deadline),
            None => sqlx::query("DELETE FROM targets WHERE target_group_arn = $1 AND task_id = $2")
                .bind(group)
                .bind(task.uuid()),
        };
        change.execute(&mut **tx).await?;
    }
    Ok(
        sqlx::query_scalar("SELECT max(draining_until) FROM targets WHERE task_id = $1")
            .bind(task.uuid())
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// The targets of these tasks with their health, in the order of tasks and groups. Not scoped: the ids come from rows that were.
pub async fn of_tasks(db: &Db, tasks: &[TaskId]) -> Result<Vec<TaskTarget>> {
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.uuid()).collect();
    let sql = format!(
        "SELECT {COLUMNS}, \
             EXISTS (SELECT 1 FROM rule_target_groups g WHERE g.target_group_arn = t.target_group_arn) AS in_use, \
             (SELECT (health_check->>'enabled')::boolean FROM target_groups g WHERE g.arn = t.target_group_arn) AS checked \
         FROM targets t WHERE task_id = ANY($1) ORDER BY task_id, target_group_arn, target_id, port"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(db.pool())
        .await?;
    let read = |row: &sqlx::postgres::PgRow| -> Result<TaskTarget> {
        let target = TargetRow::from_row(row)?;
        Ok(TaskTarget {
            task_id: TaskId(row.try_get("task_id")?),
            health: target.shown(row.try_get("in_use")?, row.try_get("checked")?),
            target,
        })
    };
    rows.iter().map(read).collect()
}
