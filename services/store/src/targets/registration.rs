//! Targets come and go. Whoever changes targets locks their group first, several groups in the order of their ARNs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use routing::Health;
use sqlx::types::Json;

use super::NewTarget;
use crate::routes::touch_target_group;
use crate::{Db, Result, Tx, Wake};

/// How long a group's targets drain when nothing else is said (LB-19).
const DEFAULT_DELAY_SECONDS: i64 = 300;

/// Registers targets with a group that is held. One that is registered stays what it is; one that drains begins anew and belongs to no
/// task any more (LB-19).
pub async fn register(tx: &mut Tx, group: &str, targets: &[NewTarget], now: DateTime<Utc>) -> Result<()> {
    let initial = Health::registered();
    for target in targets {
        sqlx::query("DELETE FROM targets WHERE target_group_arn = $1 AND target_id = $2 AND port = $3 AND draining_until IS NOT NULL")
            .bind(group)
            .bind(&target.id)
            .bind(target.port)
            .execute(&mut **tx)
            .await?;
        sqlx::query(
            "INSERT INTO targets (target_group_arn, target_id, port, availability_zone, address, registered_at, \
                 health_state, health_reason, health_description, health_since) \
             VALUES ($1, $2, $3, $4, $5::inet, $6, $7, $8, $9, $6) \
             ON CONFLICT (target_group_arn, target_id, port) DO UPDATE SET \
                 availability_zone = excluded.availability_zone, address = excluded.address",
        )
        .bind(group)
        .bind(&target.id)
        .bind(target.port)
        .bind(target.availability_zone.as_ref())
        .bind(target.address.map(|address| address.to_string()))
        .bind(now)
        .bind(initial.state.name())
        .bind(initial.reason.map(routing::HealthReason::name))
        .bind(initial.description.as_ref())
        .execute(&mut **tx)
        .await?;
    }
    touch_target_group(tx, group).await
}

/// Lets targets of a group drain, by id and port; those that are not registered are left out, those that drain already go on (LB-19).
/// They are gone at once where nothing can be on its way to them: the delay is 0, or the group is on no listener.
/// Gives the deadline of those that drain now. Hold the group.
pub async fn deregister(
    tx: &mut Tx,
    group: &str,
    targets: &[(String, i32)],
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let deadline = draining_deadline(tx, group, now).await?;
    let ids: Vec<&str> = targets.iter().map(|(id, _)| id.as_str()).collect();
    let ports: Vec<i32> = targets.iter().map(|(_, port)| *port).collect();
    let sql = match deadline {
        Some(_) => {
            "UPDATE targets t SET draining_until = $4 FROM unnest($2::text[], $3::integer[]) AS d(id, port) \
             WHERE t.target_group_arn = $1 AND t.target_id = d.id AND t.port = d.port AND t.draining_until IS NULL"
        }
        // $4 keeps the number of parameters the same.
        None => {
            "DELETE FROM targets t USING unnest($2::text[], $3::integer[]) AS d(id, port) \
             WHERE t.target_group_arn = $1 AND t.target_id = d.id AND t.port = d.port AND $4::timestamptz IS NULL"
        }
    };
    let changed = sqlx::query(sql)
        .bind(group)
        .bind(ids)
        .bind(ports)
        .bind(deadline)
        .execute(&mut **tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Ok(None);
    }
    touch_target_group(tx, group).await?;
    Ok(deadline)
}

/// Until when a target that is deregistered now drains; `None`: not at all.
pub(crate) async fn draining_deadline(
    tx: &mut Tx,
    group: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let row: Option<(Json<BTreeMap<String, String>>, bool)> = sqlx::query_as(
        "SELECT attributes, EXISTS (SELECT 1 FROM rule_target_groups g WHERE g.target_group_arn = t.arn) \
         FROM target_groups t WHERE arn = $1",
    )
    .bind(group)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((attributes, true)) = row else {
        return Ok(None);
    };
    let seconds = attributes
        .get("deregistration_delay.timeout_seconds")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_DELAY_SECONDS);
    Ok((seconds > 0).then(|| now + TimeDelta::seconds(seconds)))
}

/// Removes the targets whose time to drain has passed, of all accounts. True if there were any.
pub async fn remove_drained(db: &Db, now: DateTime<Utc>) -> Result<bool> {
    let groups: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT target_group_arn FROM targets WHERE draining_until <= $1 ORDER BY 1",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    for group in &groups {
        let mut tx = db.begin().await?;
        touch_target_group(&mut tx, group).await?;
        sqlx::query("DELETE FROM targets WHERE target_group_arn = $1 AND draining_until <= $2")
            .bind(group)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        db.commit(tx, [Wake::Routes]).await?;
    }
    Ok(!groups.is_empty())
}

/// Forgets what was observed of the targets of those of these groups that no rule names any more: when they are used again, they
/// begin anew. Call it after rules or listeners were deleted or changed.
pub async fn settle_unused(tx: &mut Tx, groups: &[String]) -> Result<()> {
    let initial = Health::registered();
    let unused: Vec<String> = sqlx::query_scalar(
        "SELECT arn FROM target_groups t WHERE arn = ANY($1) \
         AND NOT EXISTS (SELECT 1 FROM rule_target_groups g WHERE g.target_group_arn = t.arn) \
         ORDER BY arn FOR NO KEY UPDATE",
    )
    .bind(groups)
    .fetch_all(&mut **tx)
    .await?;
    for group in &unused {
        touch_target_group(tx, group).await?;
    }
    sqlx::query(
        "UPDATE targets SET health_state = $2, health_reason = $3, health_description = $4, healthy_since = NULL \
         WHERE target_group_arn = ANY($1)",
    )
    .bind(unused)
    .bind(initial.state.name())
    .bind(initial.reason.map(routing::HealthReason::name))
    .bind(initial.description.as_ref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
