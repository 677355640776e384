//! Targets: what is registered with target groups, and what is known of their health (LB-16 to LB-19).
//!
//! What users do; what services do for their tasks stands in [`crate::services::targets`]. Every function that changes targets raises the
//! revisions of their groups; send [`crate::Wake::Routes`] after the commit.

mod hosts;
mod registration;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::Scope;
use routing::health::{self, Standing};
use routing::{Health, HealthReason, HealthState};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, Row};
use uuid::Uuid;

use crate::{Db, Result, StoreError, Tx};

pub use hosts::{follow_host, instance_addresses};
pub(crate) use registration::draining_deadline;
pub use registration::{deregister, register, remove_drained, settle_unused};

/// A target of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetRow {
    pub target_group_arn: String,
    /// As registered: an address, or the id of an instance.
    pub id: String,
    pub port: i32,
    pub availability_zone: Option<String>,
    /// Where to connect; `None` when the instance is not known.
    pub address: Option<IpAddr>,
    /// Registered by a service for this task.
    pub task_id: Option<Uuid>,
    pub registered_at: DateTime<Utc>,
    pub draining_until: Option<DateTime<Utc>>,
    /// As proxies agreed; what users see is [`TargetRow::shown`].
    pub observed: Health,
    pub health_since: DateTime<Utc>,
    pub healthy_since: Option<DateTime<Utc>>,
}

impl TargetRow {
    /// The health that users and services see, for a group that is on a listener or not, and is checked or not.
    pub fn shown(&self, in_use: bool, checked: bool) -> Health {
        let standing = Standing {
            in_use,
            checked,
            reachable: self.address.is_some(),
            draining: self.draining_until.is_some(),
        };
        health::shown(standing, &self.observed)
    }
}

/// What is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTarget {
    pub id: String,
    pub port: i32,
    pub availability_zone: Option<String>,
    pub address: Option<IpAddr>,
}

const COLUMNS: &str = "target_group_arn, target_id, port, availability_zone, host(address) AS address, task_id, registered_at, \
    draining_until, health_state, health_reason, health_description, health_since, healthy_since";

impl FromRow<'_, PgRow> for TargetRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let inconsistent = |reason: String| {
            sqlx::Error::Decode(Box::new(StoreError::Inconsistent {
                table: "targets",
                reason,
            }))
        };
        let address: Option<String> = row.try_get("address")?;
        let state: String = row.try_get("health_state")?;
        let reason: Option<String> = row.try_get("health_reason")?;
        Ok(Self {
            target_group_arn: row.try_get("target_group_arn")?,
            id: row.try_get("target_id")?,
            port: row.try_get("port")?,
            availability_zone: row.try_get("availability_zone")?,
            address: address.and_then(|text| text.parse().ok()),
            task_id: row.try_get("task_id")?,
            registered_at: row.try_get("registered_at")?,
            draining_until: row.try_get("draining_until")?,
            observed: Health {
                state: HealthState::from_name(&state)
                    .ok_or_else(|| inconsistent(format!("health state '{state}'")))?,
                reason: reason.as_deref().and_then(HealthReason::from_name),
                description: row.try_get("health_description")?,
            },
            health_since: row.try_get("health_since")?,
            healthy_since: row.try_get("healthy_since")?,
        })
    }
}

/// All targets of a group of this account and region, draining ones too, in the order of ids and ports.
pub async fn of_group(db: &Db, scope: &Scope, group: &str) -> Result<Vec<TargetRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM targets WHERE target_group_arn = $3 \
         AND EXISTS (SELECT 1 FROM target_groups WHERE arn = $3 AND account = $1 AND region = $2) \
         ORDER BY target_id, port"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(group)
        .fetch_all(db.pool())
        .await?)
}

/// How many targets a group has, and how often each of these ids is registered with any group of the account and region.
pub async fn counts(
    tx: &mut Tx,
    scope: &Scope,
    group: &str,
    ids: &[String],
) -> Result<(i64, Vec<(String, i64)>)> {
    let total = sqlx::query_scalar("SELECT count(*) FROM targets WHERE target_group_arn = $1")
        .bind(group)
        .fetch_one(&mut **tx)
        .await?;
    let by_id = sqlx::query_as(
        "SELECT t.target_id, count(*) FROM target_groups g JOIN targets t ON t.target_group_arn = g.arn \
         WHERE g.account = $1 AND g.region = $2 AND t.target_id = ANY($3) GROUP BY t.target_id",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok((total, by_id))
}
