//! Rules of listeners, default rules included, and which target groups they name (LB-30 to LB-33).
//!
//! Conditions, actions and transforms stand as the API shows them, with defaults filled in. Only an OpenID Connect client's secret differs:
//! `ClientSecret` holds what `auth::Vault` sealed under the rule's ARN, in base64.

mod groups;
mod weights;

use aws_model::elbv2::types::{Action, RuleCondition, RuleTransform};
use chrono::{DateTime, Utc};
use domain::Scope;
use sqlx::types::Json;

use crate::{Db, Result, Tx};

pub use groups::{
    GroupFacts, groups_of, groups_of_balancer, lock_groups, named, other_balancers, set_groups, use_changed,
};
pub use weights::{ShiftError, release, shift_weights};

/// A row of `rules`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RuleRow {
    pub arn: String,
    pub listener_arn: String,
    /// `None`: the listener's default rule.
    pub priority: Option<i32>,
    pub conditions: Json<Vec<RuleCondition>>,
    pub transforms: Json<Vec<RuleTransform>>,
    pub actions: Json<Vec<Action>>,
    /// Row id of the service whose deployment shifts this rule's weights.
    pub shifted_by: Option<i64>,
    pub created_at: DateTime<Utc>,
}

/// What CreateRule and ModifyRule write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSpec {
    pub conditions: Vec<RuleCondition>,
    pub transforms: Vec<RuleTransform>,
    pub actions: Vec<Action>,
}

const SELECT: &str = "SELECT r.arn, r.listener_arn, r.priority, r.conditions, r.transforms, r.actions, r.shifted_by, r.created_at \
    FROM rules r JOIN listeners l ON l.arn = r.listener_arn JOIN load_balancers b ON b.arn = l.load_balancer_arn";
/// Default rules come last.
const ORDER: &str = "ORDER BY r.listener_arn, coalesce(r.priority, 2147483647)";

/// The rules with these ARNs, by listener and priority.
pub async fn find_many(db: &Db, scope: &Scope, arns: &[String]) -> Result<Vec<RuleRow>> {
    let sql = format!("{SELECT} WHERE b.account = $1 AND b.region = $2 AND r.arn = ANY($3) {ORDER}");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .fetch_all(db.pool())
        .await?)
}

/// The rule with this ARN, which may be a default rule.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<RuleRow>> {
    Ok(find_many(db, scope, &[arn.to_owned()]).await?.pop())
}

/// Rules of a listener whose priority is above `after`, ascending, the default rule last.
pub async fn of_listener(
    db: &Db,
    scope: &Scope,
    listener_arn: &str,
    after: i32,
    limit: i64,
) -> Result<Vec<RuleRow>> {
    let sql = format!(
        "{SELECT} WHERE b.account = $1 AND b.region = $2 AND l.arn = $3 AND coalesce(r.priority, 2147483647) > $4 {ORDER} LIMIT $5"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(listener_arn)
        .bind(after)
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// All rules of a listener, seen by the open transaction.
pub async fn all_of_listener(tx: &mut Tx, listener_arn: &str) -> Result<Vec<RuleRow>> {
    let sql = format!("{SELECT} WHERE l.arn = $1 {ORDER}");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(listener_arn)
        .fetch_all(&mut **tx)
        .await?)
}

/// The rule with this ARN as the open transaction sees it; lock its balancer first ([`listener_of`], [`crate::listeners::lock`]).
pub async fn seen(tx: &mut Tx, arn: &str) -> Result<Option<RuleRow>> {
    let sql = format!("{SELECT} WHERE r.arn = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Which listener the rule belongs to; that never changes.
pub async fn listener_of(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Option<String>> {
    let query = sqlx::query_scalar(
        "SELECT r.listener_arn FROM rules r JOIN listeners l ON l.arn = r.listener_arn \
         JOIN load_balancers b ON b.arn = l.load_balancer_arn WHERE b.account = $1 AND b.region = $2 AND r.arn = $3",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(&mut **tx)
        .await?)
}

/// How many rules the balancer has, default rules not counted (LB-41).
pub async fn count(tx: &mut Tx, load_balancer_arn: &str) -> Result<i64> {
    let query = sqlx::query_scalar(
        "SELECT count(*) FROM rules r JOIN listeners l ON l.arn = r.listener_arn \
         WHERE l.load_balancer_arn = $1 AND r.priority IS NOT NULL",
    );
    Ok(query.bind(load_balancer_arn).fetch_one(&mut **tx).await?)
}

/// Whether a rule of the listener has this priority.
pub async fn priority_taken(tx: &mut Tx, listener_arn: &str, priority: i32) -> Result<bool> {
    let row = sqlx::query("SELECT 1 FROM rules WHERE listener_arn = $1 AND priority = $2")
        .bind(listener_arn)
        .bind(priority);
    Ok(row.fetch_optional(&mut **tx).await?.is_some())
}

/// Inserts a rule and notes the target groups that it names; without a priority it is the default rule.
pub async fn insert(
    tx: &mut Tx,
    listener_arn: &str,
    arn: &str,
    priority: Option<i32>,
    spec: &RuleSpec,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO rules (arn, listener_arn, priority, conditions, transforms, actions, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(arn)
    .bind(listener_arn)
    .bind(priority)
    .bind(Json(&spec.conditions))
    .bind(Json(&spec.transforms))
    .bind(Json(&spec.actions))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    set_groups(tx, arn, &spec.actions).await
}

/// Replaces what a rule is and notes the target groups that it names.
pub async fn update(tx: &mut Tx, arn: &str, spec: &RuleSpec) -> Result<()> {
    sqlx::query("UPDATE rules SET conditions = $2, transforms = $3, actions = $4 WHERE arn = $1")
        .bind(arn)
        .bind(Json(&spec.conditions))
        .bind(Json(&spec.transforms))
        .bind(Json(&spec.actions))
        .execute(&mut **tx)
        .await?;
    set_groups(tx, arn, &spec.actions).await
}

/// Deletes a rule and its tags.
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<()> {
    let groups = groups_of(tx, &[arn.to_owned()]).await?;
    crate::tags::remove_all(tx, scope, &[arn.to_owned()]).await?;
    sqlx::query("DELETE FROM rules WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    use_changed(tx, &groups).await
}

/// Gives rules new priorities, all at once, so that they may change places. False if two rules of a listener would share one (LB-30).
pub async fn set_priorities(tx: &mut Tx, priorities: &[(String, i32)]) -> Result<bool> {
    sqlx::query("SET CONSTRAINTS rules_listener_arn_priority_key DEFERRED")
        .execute(&mut **tx)
        .await?;
    let (arns, numbers): (Vec<&str>, Vec<i32>) = priorities
        .iter()
        .map(|(arn, number)| (arn.as_str(), *number))
        .unzip();
    sqlx::query(
        "UPDATE rules r SET priority = t.priority FROM unnest($1::text[], $2::integer[]) AS t(arn, priority) WHERE r.arn = t.arn",
    )
    .bind(&arns)
    .bind(numbers)
    .execute(&mut **tx)
    .await?;
    let shared: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM rules r JOIN rules o ON o.listener_arn = r.listener_arn AND o.priority = r.priority AND o.arn <> r.arn \
         WHERE r.arn = ANY($1))",
    )
    .bind(&arns)
    .fetch_one(&mut **tx)
    .await?;
    Ok(!shared)
}
