//! Account settings (AC-01, AC-02).

use domain::Scope;

use crate::{Db, Result};

/// A row of `account_settings`. An empty principal is the account's default.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SettingRow {
    pub principal: String,
    pub name: String,
    pub value: String,
}

/// Sets one value for a principal, or with an empty principal the account's default.
pub async fn put(db: &Db, scope: &Scope, principal: &str, name: &str, value: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO account_settings (account, region, principal, name, value) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account, region, principal, name) DO UPDATE SET value = excluded.value",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(principal)
    .bind(name)
    .bind(value)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Takes a principal's own value back and gives it, if there was one.
pub async fn remove(db: &Db, scope: &Scope, principal: &str, name: &str) -> Result<Option<String>> {
    let query = sqlx::query_scalar(
        "DELETE FROM account_settings WHERE account = $1 AND region = $2 AND principal = $3 AND name = $4 RETURNING value",
    );
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    Ok(query
        .bind(account)
        .bind(region)
        .bind(principal)
        .bind(name)
        .fetch_optional(db.pool())
        .await?)
}

/// The value that holds for an account as a whole, if there is one: root's own, else the account's default (AC-01). For what happens
/// without a caller.
pub async fn of_account(db: &Db, scope: &Scope, name: &str) -> Result<Option<String>> {
    let query = sqlx::query_scalar(
        "SELECT value FROM account_settings WHERE account = $1 AND region = $2 AND name = $3 AND principal IN ($4, '') \
         ORDER BY principal DESC LIMIT 1",
    );
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    Ok(query
        .bind(account)
        .bind(region)
        .bind(name)
        .bind(scope.root_arn())
        .fetch_optional(db.pool())
        .await?)
}

/// The principal's own values and the account's defaults, by name.
pub async fn of(db: &Db, scope: &Scope, principal: &str) -> Result<Vec<SettingRow>> {
    let query = sqlx::query_as(
        "SELECT principal, name, value FROM account_settings \
         WHERE account = $1 AND region = $2 AND principal IN ($3, '') ORDER BY name, principal",
    );
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    Ok(query
        .bind(account)
        .bind(region)
        .bind(principal)
        .fetch_all(db.pool())
        .await?)
}
