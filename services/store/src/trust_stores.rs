//! Trust stores: certificate authorities for clients' certificates, and revocation lists (LB-39).

mod revocations;

use chrono::{DateTime, Utc};
use domain::Scope;

use crate::{Db, Result, Tx};

pub use revocations::{
    NewRevocation, RevocationRow, add_revocations, entries, remove_revocations, revocation_content,
    revocations,
};

/// A row of `trust_stores` without the authorities, with the sum of the entries of its revocation lists.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TrustStoreRow {
    pub arn: String,
    pub name: String,
    /// Certificates in the bundle.
    pub authorities: i64,
    pub revoked: i64,
    pub created_at: DateTime<Utc>,
}

/// What became of a change of a trust store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Done,
    Absent,
    /// A listener verifies by it.
    InUse,
}

const SELECT: &str = "SELECT t.arn, t.name, \
    (length(t.authorities) - length(replace(t.authorities, '-----BEGIN CERTIFICATE-----', ''))) / 27::bigint AS authorities, \
    coalesce((SELECT sum(entries) FROM trust_store_revocations v WHERE v.trust_store_arn = t.arn), 0)::bigint AS revoked, t.created_at \
    FROM trust_stores t WHERE t.account = $1 AND t.region = $2";

/// Trust stores by name after `after`; where ARNs or names are given, only those.
pub async fn list(
    db: &Db,
    scope: &Scope,
    only: Option<(&[String], &[String])>,
    after: &str,
    limit: i64,
) -> Result<Vec<TrustStoreRow>> {
    let (arns, names) = only.unwrap_or((&[], &[]));
    let sql = format!(
        "{SELECT} AND t.name > $3 AND ($4 OR t.arn = ANY($5) OR t.name = ANY($6)) ORDER BY t.name LIMIT $7"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(after)
        .bind(only.is_none())
        .bind(arns)
        .bind(names)
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// The trust store with this ARN.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<TrustStoreRow>> {
    let sql = format!("{SELECT} AND t.arn = $3");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(db.pool())
        .await?)
}

/// Keeps a trust store as it is until the transaction ends. False if there is none with this ARN.
pub async fn hold(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<bool> {
    let row = sqlx::query(
        "SELECT 1 FROM trust_stores WHERE account = $1 AND region = $2 AND arn = $3 FOR NO KEY UPDATE",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arn);
    Ok(row.fetch_optional(&mut **tx).await?.is_some())
}

/// The authorities' bundle, in PEM.
pub async fn bundle(db: &Db, scope: &Scope, arn: &str) -> Result<Option<String>> {
    let query = sqlx::query_scalar(
        "SELECT authorities FROM trust_stores WHERE account = $1 AND region = $2 AND arn = $3",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(db.pool())
        .await?)
}

/// How many trust stores the account has in the region.
pub async fn count(tx: &mut Tx, scope: &Scope) -> Result<i64> {
    let query = sqlx::query_scalar("SELECT count(*) FROM trust_stores WHERE account = $1 AND region = $2");
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_one(&mut **tx)
        .await?)
}

/// Inserts a trust store. False if the name is taken.
pub async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    arn: &str,
    name: &str,
    authorities: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let made = sqlx::query(
        "INSERT INTO trust_stores (arn, account, region, name, authorities, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (account, region, name) DO NOTHING",
    )
    .bind(arn)
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(name)
    .bind(authorities)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Replaces the authorities; balancers that verify by them are told.
pub async fn set_bundle(tx: &mut Tx, scope: &Scope, arn: &str, authorities: &str) -> Result<Changed> {
    if !hold(tx, scope, arn).await? {
        return Ok(Changed::Absent);
    }
    sqlx::query("UPDATE trust_stores SET authorities = $2 WHERE arn = $1")
        .bind(arn)
        .bind(authorities)
        .execute(&mut **tx)
        .await?;
    touch_users(tx, arn).await?;
    Ok(Changed::Done)
}

/// Deletes a trust store by which no listener verifies, with its tags.
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Changed> {
    if !hold(tx, scope, arn).await? {
        return Ok(Changed::Absent);
    }
    if !users(tx, arn).await?.is_empty() {
        return Ok(Changed::InUse);
    }
    sqlx::query("DELETE FROM trust_stores WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    crate::tags::remove_all(tx, scope, &[arn.to_owned()]).await?;
    Ok(Changed::Done)
}

/// ARNs of the listeners that verify by this trust store.
pub async fn users(tx: &mut Tx, arn: &str) -> Result<Vec<String>> {
    let query =
        sqlx::query_scalar("SELECT arn FROM listeners WHERE mutual->>'TrustStoreArn' = $1 ORDER BY arn");
    Ok(query.bind(arn).fetch_all(&mut **tx).await?)
}

/// Raises the revisions of balancers that verify by this trust store.
async fn touch_users(tx: &mut Tx, arn: &str) -> Result<()> {
    let balancers: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT load_balancer_arn FROM listeners WHERE mutual->>'TrustStoreArn' = $1 ORDER BY 1",
    )
    .bind(arn)
    .fetch_all(&mut **tx)
    .await?;
    for balancer in balancers {
        crate::routes::touch_balancer(tx, &balancer).await?;
    }
    Ok(())
}
