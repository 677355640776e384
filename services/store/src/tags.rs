//! Tags of all resources, by ARN (TG-01 to TG-06).

mod resource;

use std::collections::BTreeMap;

use domain::Scope;

use crate::{Db, Result, Tx};

pub use resource::{Resource, Standing, lock};

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Sets tags of several resources; existing keys are overwritten (TG-01).
pub async fn put(tx: &mut Tx, scope: &Scope, tags: &[(String, Tag)]) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let arns: Vec<&str> = tags.iter().map(|(arn, _)| arn.as_str()).collect();
    let keys: Vec<&str> = tags.iter().map(|(_, tag)| tag.key.as_str()).collect();
    let values: Vec<&str> = tags.iter().map(|(_, tag)| tag.value.as_str()).collect();
    sqlx::query(
        "INSERT INTO tags (account, region, arn, key, value) \
         SELECT $1, $2, t.arn, t.key, t.value FROM unnest($3::text[], $4::text[], $5::text[]) AS t(arn, key, value) \
         ON CONFLICT (account, region, arn, key) DO UPDATE SET value = excluded.value",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arns)
    .bind(keys)
    .bind(values)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Sets tags of one resource; existing keys are overwritten (TG-01).
pub async fn set(tx: &mut Tx, scope: &Scope, arn: &str, tags: &[Tag]) -> Result<()> {
    let named: Vec<(String, Tag)> = tags.iter().map(|tag| (arn.to_owned(), tag.clone())).collect();
    put(tx, scope, &named).await
}

/// Removes these keys of a resource.
pub async fn remove(tx: &mut Tx, scope: &Scope, arn: &str, keys: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = $3 AND key = ANY($4)")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .bind(keys)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes all tags of these resources: they are gone.
pub async fn remove_all(tx: &mut Tx, scope: &Scope, arns: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = ANY($3)")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Tags of these resources by ARN, each sorted by key. Resources without tags are not in the map.
pub async fn of(db: &Db, scope: &Scope, arns: &[String]) -> Result<BTreeMap<String, Vec<Tag>>> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT arn, key, value FROM tags WHERE account = $1 AND region = $2 AND arn = ANY($3) ORDER BY arn, key",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arns)
    .fetch_all(db.pool())
    .await?;
    let mut by_arn: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
    for (arn, key, value) in rows {
        by_arn.entry(arn).or_default().push(Tag { key, value });
    }
    Ok(by_arn)
}

/// Locks the resource's tags against another TagResource and gives its keys, so that the limit of 50 can be held.
pub async fn keys_locked(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Vec<String>> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    let query = sqlx::query_scalar("SELECT key FROM tags WHERE account = $1 AND region = $2 AND arn = $3");
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_all(&mut **tx)
        .await?)
}
