//! Listeners of load balancers, their attributes and certificates (LB-11 to LB-13, LB-39).
//!
//! Whoever changes a listener or its rules first locks the balancer ([`lock_balancer`], [`lock`]): changes of one balancer come one after
//! another, and what was checked still holds when it is written.

mod certificates;

use std::collections::BTreeMap;

use aws_model::elbv2::types::{Action, MutualAuthenticationAttributes};
use chrono::{DateTime, Utc};
use domain::Scope;
use sqlx::types::Json;

use crate::{Db, Result, Tx};

pub use certificates::{add_certificates, certificates, remove_certificates, sni_certificates};

/// What listeners need to know of their balancer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BalancerHead {
    pub arn: String,
    pub name: String,
    /// `application` or `network`.
    pub kind: String,
}

/// A row of `listeners` with the default actions, which stand in its default rule.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListenerRow {
    pub arn: String,
    pub load_balancer_arn: String,
    pub port: i32,
    pub protocol: String,
    pub ssl_policy: Option<String>,
    /// The default certificate.
    pub certificate_arn: Option<String>,
    pub alpn_policy: Option<String>,
    pub mutual: Option<Json<MutualAuthenticationAttributes>>,
    /// Attribute key → value, only what was set.
    pub attributes: Json<BTreeMap<String, String>>,
    pub created_at: DateTime<Utc>,
    pub default_rule_arn: String,
    pub default_actions: Json<Vec<Action>>,
}

/// What CreateListener and ModifyListener write; the default actions go into the default rule by themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerSpec {
    pub port: i32,
    pub protocol: String,
    pub ssl_policy: Option<String>,
    pub certificate_arn: Option<String>,
    pub alpn_policy: Option<String>,
    pub mutual: Option<MutualAuthenticationAttributes>,
}

const SELECT: &str = "SELECT l.arn, l.load_balancer_arn, l.port, l.protocol, l.ssl_policy, l.certificate_arn, l.alpn_policy, l.mutual, \
    l.attributes, l.created_at, r.arn AS default_rule_arn, r.actions AS default_actions \
    FROM listeners l JOIN load_balancers b ON b.arn = l.load_balancer_arn \
    JOIN rules r ON r.listener_arn = l.arn AND r.priority IS NULL";

/// The listeners with these ARNs, by balancer and port.
pub async fn find_many(db: &Db, scope: &Scope, arns: &[String]) -> Result<Vec<ListenerRow>> {
    let sql = format!(
        "{SELECT} WHERE b.account = $1 AND b.region = $2 AND l.arn = ANY($3) ORDER BY l.load_balancer_arn, l.port"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .fetch_all(db.pool())
        .await?)
}

/// The listener with this ARN.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<ListenerRow>> {
    Ok(find_many(db, scope, &[arn.to_owned()]).await?.pop())
}

/// Listeners of a balancer whose port is above `after`, by port.
pub async fn of_balancer(
    db: &Db,
    scope: &Scope,
    load_balancer_arn: &str,
    after: i32,
    limit: i64,
) -> Result<Vec<ListenerRow>> {
    let sql = format!(
        "{SELECT} WHERE b.account = $1 AND b.region = $2 AND b.arn = $3 AND l.port > $4 ORDER BY l.port LIMIT $5"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(load_balancer_arn)
        .bind(after)
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// The balancer with this ARN, locked against other changes until the transaction ends.
pub async fn lock_balancer(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Option<BalancerHead>> {
    let query = sqlx::query_as(
        "SELECT arn, name, kind FROM load_balancers WHERE account = $1 AND region = $2 AND arn = $3 FOR NO KEY UPDATE",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The listener with this ARN, its balancer locked until the transaction ends.
pub async fn lock(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Option<(BalancerHead, ListenerRow)>> {
    let balancer: Option<String> =
        sqlx::query_scalar("SELECT load_balancer_arn FROM listeners WHERE arn = $1")
            .bind(arn)
            .fetch_optional(&mut **tx)
            .await?;
    let Some(balancer) = balancer else {
        return Ok(None);
    };
    let Some(head) = lock_balancer(tx, scope, &balancer).await? else {
        return Ok(None);
    };
    let sql = format!("{SELECT} WHERE l.arn = $1");
    let row: Option<ListenerRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| (head, row)))
}

/// How many listeners the balancer has (LB-41).
pub async fn count(tx: &mut Tx, load_balancer_arn: &str) -> Result<i64> {
    let query = sqlx::query_scalar("SELECT count(*) FROM listeners WHERE load_balancer_arn = $1")
        .bind(load_balancer_arn);
    Ok(query.fetch_one(&mut **tx).await?)
}

/// The listener that has this port of the balancer.
pub async fn on_port(tx: &mut Tx, load_balancer_arn: &str, port: i32) -> Result<Option<String>> {
    let query = sqlx::query_scalar("SELECT arn FROM listeners WHERE load_balancer_arn = $1 AND port = $2")
        .bind(load_balancer_arn)
        .bind(port);
    Ok(query.fetch_optional(&mut **tx).await?)
}

/// Inserts a listener. Its default rule has to follow in the same transaction ([`crate::rules::insert`]).
pub async fn insert(
    tx: &mut Tx,
    load_balancer_arn: &str,
    arn: &str,
    spec: &ListenerSpec,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO listeners (arn, load_balancer_arn, port, protocol, ssl_policy, certificate_arn, alpn_policy, mutual, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(arn)
    .bind(load_balancer_arn)
    .bind(spec.port)
    .bind(&spec.protocol)
    .bind(&spec.ssl_policy)
    .bind(&spec.certificate_arn)
    .bind(&spec.alpn_policy)
    .bind(spec.mutual.as_ref().map(Json))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces what a listener is. SNI certificates go when it no longer terminates TLS.
pub async fn update(tx: &mut Tx, arn: &str, spec: &ListenerSpec) -> Result<()> {
    sqlx::query(
        "UPDATE listeners SET port = $2, protocol = $3, ssl_policy = $4, certificate_arn = $5, alpn_policy = $6, mutual = $7 \
         WHERE arn = $1",
    )
    .bind(arn)
    .bind(spec.port)
    .bind(&spec.protocol)
    .bind(&spec.ssl_policy)
    .bind(&spec.certificate_arn)
    .bind(&spec.alpn_policy)
    .bind(spec.mutual.as_ref().map(Json))
    .execute(&mut **tx)
    .await?;
    if spec.certificate_arn.is_none() {
        sqlx::query("DELETE FROM listener_certificates WHERE listener_arn = $1")
            .bind(arn)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Replaces the attributes that are set.
pub async fn set_attributes(tx: &mut Tx, arn: &str, attributes: &BTreeMap<String, String>) -> Result<()> {
    sqlx::query("UPDATE listeners SET attributes = $2 WHERE arn = $1")
        .bind(arn)
        .bind(Json(attributes))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes a listener with its rules, and the tags of all of them (LB-12).
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<()> {
    let mut arns: Vec<String> = sqlx::query_scalar("SELECT arn FROM rules WHERE listener_arn = $1")
        .bind(arn)
        .fetch_all(&mut **tx)
        .await?;
    let groups = crate::rules::groups_of(tx, &arns).await?;
    arns.push(arn.to_owned());
    crate::tags::remove_all(tx, scope, &arns).await?;
    sqlx::query("DELETE FROM listeners WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    crate::rules::use_changed(tx, &groups).await
}
