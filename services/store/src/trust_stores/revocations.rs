//! Revocation lists of trust stores.

use crate::{Db, Result, Tx};

/// A row of `trust_store_revocations` without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct RevocationRow {
    pub revocation_id: i64,
    /// Revoked certificates in the list.
    pub entries: i64,
}

/// A list to be added.
#[derive(Debug, Clone)]
pub struct NewRevocation {
    /// PEM.
    pub content: String,
    pub entries: i64,
}

/// Revocation lists of a trust store whose id is above `after`; with ids only those.
pub async fn revocations(
    db: &Db,
    trust_store_arn: &str,
    ids: Option<&[i64]>,
    after: i64,
    limit: i64,
) -> Result<Vec<RevocationRow>> {
    let query = sqlx::query_as(
        "SELECT revocation_id, entries FROM trust_store_revocations \
         WHERE trust_store_arn = $1 AND revocation_id > $2 AND ($3 OR revocation_id = ANY($4)) ORDER BY revocation_id LIMIT $5",
    );
    Ok(query
        .bind(trust_store_arn)
        .bind(after)
        .bind(ids.is_none())
        .bind(ids.unwrap_or_default())
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// The text of a revocation list, in PEM.
pub async fn revocation_content(db: &Db, trust_store_arn: &str, id: i64) -> Result<Option<String>> {
    let query = sqlx::query_scalar(
        "SELECT content FROM trust_store_revocations WHERE trust_store_arn = $1 AND revocation_id = $2",
    );
    Ok(query
        .bind(trust_store_arn)
        .bind(id)
        .fetch_optional(db.pool())
        .await?)
}

/// Revoked certificates in all lists of a trust store.
pub async fn entries(tx: &mut Tx, trust_store_arn: &str) -> Result<i64> {
    let query = sqlx::query_scalar(
        "SELECT coalesce(sum(entries), 0)::bigint FROM trust_store_revocations WHERE trust_store_arn = $1",
    );
    Ok(query.bind(trust_store_arn).fetch_one(&mut **tx).await?)
}

/// Adds lists to a trust store that the caller holds; they are numbered on from the highest.
pub async fn add_revocations(
    tx: &mut Tx,
    trust_store_arn: &str,
    new: &[NewRevocation],
) -> Result<Vec<RevocationRow>> {
    let highest: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(revocation_id), 0) FROM trust_store_revocations WHERE trust_store_arn = $1",
    )
    .bind(trust_store_arn)
    .fetch_one(&mut **tx)
    .await?;
    let mut added = Vec::with_capacity(new.len());
    for (revocation_id, list) in (highest + 1..).zip(new) {
        sqlx::query(
            "INSERT INTO trust_store_revocations (trust_store_arn, revocation_id, content, entries) VALUES ($1, $2, $3, $4)",
        )
        .bind(trust_store_arn)
        .bind(revocation_id)
        .bind(&list.content)
        .bind(list.entries)
        .execute(&mut **tx)
        .await?;
        added.push(RevocationRow {
            revocation_id,
            entries: list.entries,
        });
    }
    super::touch_users(tx, trust_store_arn).await?;
    Ok(added)
}

/// Removes lists from a trust store that the caller holds, all or, if one is not there, none: then its id is given.
pub async fn remove_revocations(tx: &mut Tx, trust_store_arn: &str, ids: &[i64]) -> Result<Option<i64>> {
    let there: Vec<i64> = sqlx::query_scalar(
        "SELECT revocation_id FROM trust_store_revocations WHERE trust_store_arn = $1 AND revocation_id = ANY($2)",
    )
    .bind(trust_store_arn)
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    if let Some(missing) = ids.iter().find(|id| !there.contains(id)) {
        return Ok(Some(*missing));
    }
    sqlx::query("DELETE FROM trust_store_revocations WHERE trust_store_arn = $1 AND revocation_id = ANY($2)")
        .bind(trust_store_arn)
        .bind(ids)
        .execute(&mut **tx)
        .await?;
    super::touch_users(tx, trust_store_arn).await?;
    Ok(None)
}
