//! Idempotency tokens: the same token with the same parameters has one effect.

use chrono::{DateTime, Utc};
use domain::Scope;
use sha2::{Digest, Sha256};

use crate::{Db, Result, Tx};

/// A client token of one operation, with what it was sent with.
#[derive(Debug, Clone)]
pub struct Token {
    pub scope: Scope,
    pub operation: &'static str,
    pub token: String,
    pub digest: Vec<u8>,
}

/// What a token was used for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Nothing yet: it is claimed now, for as long as the transaction lives.
    First,
    /// The same parameters: these resources were made.
    Same(Vec<String>),
    /// Other parameters: these resources were made.
    Different(Vec<String>),
}

impl Token {
    /// A token with the digest of its parameters. `parameters` must be the same bytes for the same request.
    pub fn new(scope: &Scope, operation: &'static str, token: &str, parameters: &[u8]) -> Self {
        let digest = Sha256::digest(parameters).to_vec();
        Self {
            scope: scope.clone(),
            operation,
            token: token.to_owned(),
            digest,
        }
    }
}

/// Claims the token inside the transaction, or tells what it was used for. Waits for a parallel claim to end.
pub async fn claim(tx: &mut Tx, token: &Token, now: DateTime<Utc>) -> Result<Use> {
    let claimed = sqlx::query(
        "INSERT INTO idempotency_tokens (account, region, operation, token, digest, resources, created_at) \
         VALUES ($1, $2, $3, $4, $5, '{}', $6) ON CONFLICT DO NOTHING",
    )
    .bind(token.scope.account.as_str())
    .bind(token.scope.region.as_str())
    .bind(token.operation)
    .bind(&token.token)
    .bind(&token.digest)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(Use::First);
    }
    let (digest, resources): (Vec<u8>, Vec<String>) = sqlx::query_as(
        "SELECT digest, resources FROM idempotency_tokens WHERE account = $1 AND region = $2 AND operation = $3 AND token = $4",
    )
    .bind(token.scope.account.as_str())
    .bind(token.scope.region.as_str())
    .bind(token.operation)
    .bind(&token.token)
    .fetch_one(&mut **tx)
    .await?;
    Ok(if digest == token.digest {
        Use::Same(resources)
    } else {
        Use::Different(resources)
    })
}

/// What the token was used for so far, without claiming it.
pub async fn used(db: &Db, token: &Token) -> Result<Use> {
    let row: Option<(Vec<u8>, Vec<String>)> = sqlx::query_as(
        "SELECT digest, resources FROM idempotency_tokens WHERE account = $1 AND region = $2 AND operation = $3 AND token = $4",
    )
    .bind(token.scope.account.as_str())
    .bind(token.scope.region.as_str())
    .bind(token.operation)
    .bind(&token.token)
    .fetch_optional(db.pool())
    .await?;
    Ok(match row {
        None => Use::First,
        Some((digest, resources)) if digest == token.digest => Use::Same(resources),
        Some((_, resources)) => Use::Different(resources),
    })
}

/// Remembers what the claimed token made.
pub async fn fulfil(tx: &mut Tx, token: &Token, resources: &[String]) -> Result<()> {
    sqlx::query(
        "UPDATE idempotency_tokens SET resources = $5 WHERE account = $1 AND region = $2 AND operation = $3 AND token = $4",
    )
    .bind(token.scope.account.as_str())
    .bind(token.scope.region.as_str())
    .bind(token.operation)
    .bind(&token.token)
    .bind(resources)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a claimed token back: its call had no effect.
pub async fn unclaim(tx: &mut Tx, token: &Token) -> Result<()> {
    sqlx::query(
        "DELETE FROM idempotency_tokens WHERE account = $1 AND region = $2 AND operation = $3 AND token = $4",
    )
    .bind(token.scope.account.as_str())
    .bind(token.scope.region.as_str())
    .bind(token.operation)
    .bind(&token.token)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
