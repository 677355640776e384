//! Access keys. Secrets are sealed: this table alone does not reveal them.

use chrono::{DateTime, Utc};

use crate::{Db, Result};

/// A row of `access_keys`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccessKeyRow {
    pub access_key_id: String,
    pub account: String,
    pub principal_arn: String,
    pub user_id: String,
    /// What `auth::Vault` made of the secret.
    pub sealed_secret: Vec<u8>,
    pub active: bool,
}

/// The key with this id. Across accounts: the key is what tells the account.
pub async fn find(db: &Db, access_key_id: &str) -> Result<Option<AccessKeyRow>> {
    let query = sqlx::query_as(
        "SELECT access_key_id, account, principal_arn, user_id, sealed_secret, active FROM access_keys WHERE access_key_id = $1",
    );
    Ok(query.bind(access_key_id).fetch_optional(db.pool()).await?)
}

/// Inserts the key or replaces what stands under its id.
pub async fn put(db: &Db, row: &AccessKeyRow, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "INSERT INTO access_keys (access_key_id, account, principal_arn, user_id, sealed_secret, active, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (access_key_id) DO UPDATE SET account = excluded.account, principal_arn = excluded.principal_arn, \
         user_id = excluded.user_id, sealed_secret = excluded.sealed_secret, active = excluded.active",
    )
    .bind(&row.access_key_id)
    .bind(&row.account)
    .bind(&row.principal_arn)
    .bind(&row.user_id)
    .bind(&row.sealed_secret)
    .bind(row.active)
    .bind(now)
    .execute(db.pool())
    .await?;
    Ok(())
}
