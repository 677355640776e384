//! The first key pair, and the database as a source of sealed keys.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use auth::{KeyPair, SealedKey, SealedKeySource, Vault};
use chrono::{DateTime, Utc};
use domain::{AccountId, Region, Scope};
use store::Db;
use store::access_keys::{self, AccessKeyRow};

/// Reads sealed keys from the table `access_keys`.
pub struct DatabaseKeys(pub Db);

#[async_trait]
impl SealedKeySource for DatabaseKeys {
    async fn find(&self, access_key_id: &str) -> Result<Option<SealedKey>, Box<dyn Error + Send + Sync>> {
        let Some(row) = access_keys::find(&self.0, access_key_id).await? else {
            return Ok(None);
        };
        Ok(Some(SealedKey {
            account: row.account.parse::<AccountId>()?,
            access_key_id: row.access_key_id,
            principal_arn: row.principal_arn,
            user_id: row.user_id,
            sealed_secret: row.sealed_secret,
            active: row.active,
        }))
    }
}

/// Stores the operator's key pair: the root of its account.
pub async fn store_first_pair(
    db: &Db,
    vault: &Arc<Vault>,
    account: &AccountId,
    region: &Region,
    pair: &KeyPair,
    now: DateTime<Utc>,
) -> store::Result<()> {
    let row = AccessKeyRow {
        access_key_id: pair.access_key_id.clone(),
        account: account.to_string(),
        principal_arn: Scope::new(account.clone(), region.clone()).root_arn(),
        user_id: account.to_string(),
        sealed_secret: vault.seal(&pair.access_key_id, &pair.secret),
        active: true,
    };
    access_keys::put(db, &row, now).await
}
