//! Load balancers (LB-10 to LB-13).

use std::collections::{BTreeMap, BTreeSet};

use aws_model::elbv2::types::AvailabilityZone;
use chrono::{DateTime, Utc};
use domain::Scope;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use crate::routes::touch_balancer;
use crate::tags::{self, Tag};
use crate::{Db, Result, Tx, targets};

/// A row of `load_balancers`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LoadBalancerRow {
    pub arn: String,
    pub name: String,
    /// `application` or `network`.
    pub kind: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    pub vpc_id: String,
    pub ip_address_type: String,
    pub dns_name: String,
    pub zones: Json<Vec<AvailabilityZone>>,
    pub security_groups: Vec<String>,
    /// Key → value, only what differs from the default.
    pub attributes: Json<BTreeMap<String, String>>,
    pub kept: Json<KeptBalancer>,
    pub created_at: DateTime<Utc>,
}

/// What is kept and returned, and has no effect in a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptBalancer {
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    pub enforce_inbound_rules_on_private_link: Option<String>,
    pub ipam_pool: Option<String>,
    /// Reserved capacity units, and when they were asked for.
    pub capacity_units: Option<i32>,
    pub capacity_modified_at: Option<DateTime<Utc>>,
}

/// What CreateLoadBalancer sets.
#[derive(Debug, Clone)]
pub struct NewLoadBalancer {
    pub arn: String,
    pub name: String,
    pub kind: String,
    pub scheme: String,
    pub vpc_id: String,
    pub ip_address_type: String,
    pub dns_name: String,
    pub zones: Vec<AvailabilityZone>,
    pub security_groups: Vec<String>,
    pub kept: KeptBalancer,
    /// Sealed by the vault for this ARN.
    pub sealed_cookie_key: Vec<u8>,
    pub tags: Vec<Tag>,
}

/// What a change of a load balancer sets; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct LoadBalancerChange {
    pub zones: Option<Vec<AvailabilityZone>>,
    pub security_groups: Option<Vec<String>>,
    pub ip_address_type: Option<String>,
    pub attributes: Option<BTreeMap<String, String>>,
    pub kept: Option<KeptBalancer>,
}

/// What came of the creation of a load balancer or a target group.
#[derive(Debug)]
pub enum Created<Row> {
    New(Row),
    /// The account and region have one of this name already.
    Exists(Row),
    /// As many of this kind as there may be.
    LimitReached,
}

/// Which load balancers or target groups to read.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All whose names come after `after`, at most `limit`.
    Page {
        after: &'a str,
        limit: i64,
    },
    Arns(&'a [String]),
    Names(&'a [String]),
}

impl<'a> Which<'a> {
    /// ARNs, names, name to begin after, limit: in the form in which the queries take them.
    pub(crate) fn bounds(self) -> (Option<&'a [String]>, Option<&'a [String]>, &'a str, i64) {
        match self {
            Self::Page { after, limit } => (None, None, after, limit),
            Self::Arns(arns) => (Some(arns), None, "", i64::MAX),
            Self::Names(names) => (None, Some(names), "", i64::MAX),
        }
    }
}

const COLUMNS: &str = "arn, name, kind, scheme, vpc_id, ip_address_type, dns_name, zones, security_groups, attributes, kept, created_at";

/// Load balancers in the order of their names.
pub async fn list(db: &Db, scope: &Scope, which: Which<'_>) -> Result<Vec<LoadBalancerRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM load_balancers WHERE account = $1 AND region = $2 \
         AND ($3::text[] IS NULL OR arn = ANY($3)) AND ($4::text[] IS NULL OR name = ANY($4)) AND name > $5 \
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
        .fetch_all(db.pool())
        .await?)
}

/// The load balancer with this ARN.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<LoadBalancerRow>> {
    let found = list(db, scope, Which::Arns(&[arn.to_owned()])).await?;
    Ok(found.into_iter().next())
}

/// The same, locked until the transaction ends.
pub async fn hold(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Option<LoadBalancerRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM load_balancers WHERE account = $1 AND region = $2 AND arn = $3 FOR UPDATE"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Lets the transaction create alone in this account and region, so that names and limits hold.
pub(crate) async fn create_alone(tx: &mut Tx, scope: &Scope) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 8))")
        .bind(format!("{} {}", scope.account, scope.region))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes a load balancer with its tags unless its name is taken or there are `limit` of its kind (LB-11, LB-41).
pub async fn create(
    tx: &mut Tx,
    scope: &Scope,
    new: &NewLoadBalancer,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Created<LoadBalancerRow>> {
    create_alone(tx, scope).await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM load_balancers WHERE account = $1 AND region = $2 AND name = $3 FOR UPDATE"
    );
    let existing: Option<LoadBalancerRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&new.name)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(row) = existing {
        return Ok(Created::Exists(row));
    }
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM load_balancers WHERE account = $1 AND region = $2 AND kind = $3",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(&new.kind)
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
    new: &NewLoadBalancer,
    now: DateTime<Utc>,
) -> Result<LoadBalancerRow> {
    let sql = format!(
        "INSERT INTO load_balancers (arn, account, region, name, kind, scheme, vpc_id, ip_address_type, dns_name, zones, subnets, \
             security_groups, kept, sealed_cookie_key, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(&new.arn)
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&new.name)
        .bind(&new.kind)
        .bind(&new.scheme)
        .bind(&new.vpc_id)
        .bind(&new.ip_address_type)
        .bind(&new.dns_name)
        .bind(Json(&new.zones))
        .bind(subnets(&new.zones))
        .bind(&new.security_groups)
        .bind(Json(&new.kept))
        .bind(&new.sealed_cookie_key)
        .bind(now)
        .fetch_one(&mut **tx)
        .await?)
}

/// Subnets of these zones.
fn subnets(zones: &[AvailabilityZone]) -> Vec<&str> {
    zones
        .iter()
        .filter_map(|zone| zone.subnet_id.as_deref())
        .collect()
}

/// Changes a load balancer that is held; proxies are told of it.
pub async fn update(tx: &mut Tx, arn: &str, change: &LoadBalancerChange) -> Result<()> {
    sqlx::query(
        "UPDATE load_balancers SET zones = coalesce($2, zones), subnets = coalesce($3, subnets), \
             security_groups = coalesce($4, security_groups), ip_address_type = coalesce($5, ip_address_type), \
             attributes = coalesce($6, attributes), kept = coalesce($7, kept) \
         WHERE arn = $1",
    )
    .bind(arn)
    .bind(change.zones.as_ref().map(Json))
    .bind(change.zones.as_deref().map(subnets))
    .bind(change.security_groups.as_ref())
    .bind(change.ip_address_type.as_ref())
    .bind(change.attributes.as_ref().map(Json))
    .bind(change.kept.as_ref().map(Json))
    .execute(&mut **tx)
    .await?;
    touch_balancer(tx, arn).await
}

/// Deletes a load balancer with its listeners, rules and all their tags; target groups stay (LB-12).
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<()> {
    let mut gone: Vec<String> = sqlx::query_scalar(
        "SELECT arn FROM listeners WHERE load_balancer_arn = $1 \
         UNION ALL SELECT r.arn FROM rules r JOIN listeners l ON l.arn = r.listener_arn WHERE l.load_balancer_arn = $1",
    )
    .bind(arn)
    .fetch_all(&mut **tx)
    .await?;
    gone.push(arn.to_owned());
    tags::remove_all(tx, scope, &gone).await?;
    let groups: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT g.target_group_arn FROM rule_target_groups g JOIN rules r ON r.arn = g.rule_arn \
         JOIN listeners l ON l.arn = r.listener_arn WHERE l.load_balancer_arn = $1",
    )
    .bind(arn)
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM load_balancers WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    targets::settle_unused(tx, &groups).await
}

/// Why listeners do not work, by load balancer: only those that no proxy serves although one tried. Of proxies that are connected.
pub async fn impairments(db: &Db, arns: &[String]) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "WITH stands AS (SELECT l.load_balancer_arn, s.listener_arn, s.failure FROM listeners l \
             JOIN listener_statuses s ON s.listener_arn = l.arn JOIN proxies p ON p.name = s.proxy \
             WHERE l.load_balancer_arn = ANY($1) AND p.seen_at > now() - make_interval(secs => $2)) \
         SELECT load_balancer_arn, failure FROM stands s WHERE failure IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM stands o WHERE o.listener_arn = s.listener_arn AND o.failure IS NULL)",
    )
    .bind(arns)
    .bind(crate::proxies::LIFE.as_secs_f64())
    .fetch_all(db.pool())
    .await?;
    let mut by_arn: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (arn, failure) in rows {
        by_arn.entry(arn).or_default().insert(failure);
    }
    Ok(by_arn)
}
