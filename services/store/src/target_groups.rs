//! Target groups (LB-14, LB-15).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Scope;
use routing::HealthCheck;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use crate::load_balancers::{Created, Which, create_alone};
use crate::routes::touch_target_group;
use crate::tags::{self, Tag};
use crate::{Db, Result, Tx};

/// A row of `target_groups`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TargetGroupRow {
    pub arn: String,
    pub name: String,
    /// `instance` or `ip`.
    pub target_type: String,
    pub protocol: Option<String>,
    /// `HTTP1`, `HTTP2` or `GRPC`; HTTP and HTTPS groups only.
    pub protocol_version: Option<String>,
    pub port: Option<i32>,
    pub vpc_id: Option<String>,
    pub ip_address_type: String,
    pub health_check: Json<HealthCheck>,
    /// Key → value, only what differs from what [`routing::TargetGroupAttributes`] has by default.
    pub attributes: Json<BTreeMap<String, String>>,
    pub kept: Json<KeptTargetGroup>,
    pub created_at: DateTime<Utc>,
}

impl TargetGroupRow {
    /// The port of targets that name none. Groups of instances and addresses always have one.
    pub fn default_port(&self) -> i32 {
        self.port.unwrap_or_default()
    }
}

/// What is kept and returned, and has no effect in a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptTargetGroup {
    /// The codes of the health check as they were written.
    pub matcher: Option<String>,
    pub target_control_port: Option<i32>,
}

/// What CreateTargetGroup sets.
#[derive(Debug, Clone)]
pub struct NewTargetGroup {
    pub arn: String,
    pub name: String,
    pub target_type: String,
    pub protocol: String,
    pub protocol_version: Option<String>,
    pub port: i32,
    pub vpc_id: String,
    pub ip_address_type: String,
    pub health_check: HealthCheck,
    pub attributes: BTreeMap<String, String>,
    pub kept: KeptTargetGroup,
    pub tags: Vec<Tag>,
}

const COLUMNS: &str = "arn, name, target_type, protocol, protocol_version, port, vpc_id, ip_address_type, health_check, attributes, kept, created_at";

/// Target groups in the order of their names; of one load balancer if that is named.
pub async fn list(
    db: &Db,
    scope: &Scope,
    which: Which<'_>,
    load_balancer: Option<&str>,
) -> Result<Vec<TargetGroupRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM target_groups t WHERE account = $1 AND region = $2 \
         AND ($3::text[] IS NULL OR arn = ANY($3)) AND ($4::text[] IS NULL OR name = ANY($4)) AND name > $5 \
         AND ($7::text IS NULL OR EXISTS (SELECT 1 FROM rule_target_groups g JOIN rules r ON r.arn = g.rule_arn \
             JOIN listeners l ON l.arn = r.listener_arn WHERE g.target_group_arn = t.arn AND l.load_balancer_arn = $7)) \
         ORDER BY name LIMIT $6"
    );
    let (arns, names, after, limit) = which.bounds();
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .bind(names)
        .bind(after)
        .bind(limit)
        .bind(load_balancer)
        .fetch_all(db.pool())
        .await?)
}

/// The target group with this ARN.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<TargetGroupRow>> {
    let found = list(db, scope, Which::Arns(&[arn.to_owned()]), None).await?;
    Ok(found.into_iter().next())
}

/// The same, locked against changes and deletion until the transaction ends.
pub async fn hold(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Option<TargetGroupRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM target_groups WHERE account = $1 AND region = $2 AND arn = $3 FOR NO KEY UPDATE"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The load balancers on whose listeners these groups are, by group.
pub async fn load_balancers_of(db: &Db, arns: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT DISTINCT g.target_group_arn, l.load_balancer_arn FROM rule_target_groups g \
         JOIN rules r ON r.arn = g.rule_arn JOIN listeners l ON l.arn = r.listener_arn \
         WHERE g.target_group_arn = ANY($1) ORDER BY 1, 2",
    )
    .bind(arns)
    .fetch_all(db.pool())
    .await?;
    let mut by_group: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (group, balancer) in rows {
        by_group.entry(group).or_default().push(balancer);
    }
    Ok(by_group)
}

/// Makes a target group with its tags unless its name is taken or there are `limit` (LB-11, LB-41).
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    new: &NewTargetGroup,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Created<TargetGroupRow>> {
    create_alone(tx, scope).await?;
    let sql = format!("SELECT {COLUMNS} FROM target_groups WHERE account = $1 AND region = $2 AND name = $3");
    let existing: Option<TargetGroupRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&new.name)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(row) = existing {
        return Ok(Created::Exists(row));
    }
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM target_groups WHERE account = $1 AND region = $2")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .fetch_one(&mut **tx)
            .await?;
    if count >= limit {
        return Ok(Created::LimitReached);
    }
    let row = insert(tx, scope, new, now).await?;
    tags::set(tx, scope, &new.arn, &new.tags).await?;
    Ok(Created::New(row))
}

async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    new: &NewTargetGroup,
    now: DateTime<Utc>,
) -> Result<TargetGroupRow> {
    let sql = format!(
        "INSERT INTO target_groups (arn, account, region, name, target_type, protocol, protocol_version, port, vpc_id, \
             ip_address_type, health_check, attributes, kept, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(&new.arn)
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&new.name)
        .bind(&new.target_type)
        .bind(&new.protocol)
        .bind(new.protocol_version.as_ref())
        .bind(new.port)
        .bind(&new.vpc_id)
        .bind(&new.ip_address_type)
        .bind(Json(&new.health_check))
        .bind(Json(&new.attributes))
        .bind(Json(&new.kept))
        .bind(now)
        .fetch_one(&mut **tx)
        .await?)
}

/// Sets the health check of a group that is held; proxies are told of it.
pub async fn set_health_check(
    tx: &mut Tx,
    arn: &str,
    health_check: &HealthCheck,
    kept: &KeptTargetGroup,
) -> Result<()> {
    sqlx::query("UPDATE target_groups SET health_check = $2, kept = $3 WHERE arn = $1")
        .bind(arn)
        .bind(Json(health_check))
        .bind(Json(kept))
        .execute(&mut **tx)
        .await?;
    touch_target_group(tx, arn).await
}

/// Sets the attributes of a group that is held; proxies are told of it.
pub async fn set_attributes(tx: &mut Tx, arn: &str, attributes: &BTreeMap<String, String>) -> Result<()> {
    sqlx::query("UPDATE target_groups SET attributes = $2 WHERE arn = $1")
        .bind(arn)
        .bind(Json(attributes))
        .execute(&mut **tx)
        .await?;
    touch_target_group(tx, arn).await
}

/// Deletes a target group with its targets and tags. False if a rule names it (LB-11). One that does not exist is gone already.
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<bool> {
    let held: Option<i32> = sqlx::query_scalar(
        "SELECT 1 FROM target_groups WHERE account = $1 AND region = $2 AND arn = $3 FOR UPDATE",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arn)
    .fetch_optional(&mut **tx)
    .await?;
    if held.is_none() {
        return Ok(true);
    }
    let deleted = sqlx::query(
        "DELETE FROM target_groups t WHERE arn = $1 \
         AND NOT EXISTS (SELECT 1 FROM rule_target_groups g WHERE g.target_group_arn = t.arn)",
    )
    .bind(arn)
    .execute(&mut **tx)
    .await?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    tags::remove_all(tx, scope, &[arn.to_owned()]).await?;
    Ok(true)
}
