//! Orders at an ACME directory (RFC 8555), as rows: whoever is killed in between, the next look goes on from what stands here.

use chrono::{DateTime, Utc};
use domain::Scope;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::certificates::Details;
use crate::{Db, Result, Tx};

/// Where the issue of a certificate stands (`certificates.issuing`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issuing {
    /// When the first order was to be made; tells when to give up.
    pub since: Option<DateTime<Utc>>,
    /// Nothing is done before this.
    pub not_before: Option<DateTime<Utc>>,
    /// The order at the directory, once it is made.
    pub order_url: Option<String>,
    /// When the answers to the order's challenges were given to the proxies.
    pub answered_at: Option<DateTime<Utc>>,
    /// The new private key, sealed under the certificate's ARN, in base64. Written before the order is finalized.
    pub sealed_key: Option<String>,
    /// Tokens of this order's challenges.
    pub tokens: Vec<String>,
    /// Orders that failed.
    pub failures: u32,
    /// Why the last one did.
    pub last_failure: Option<String>,
}

/// A certificate whose order the issuer has to look at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Pending {
    pub arn: String,
    pub account: String,
    pub region: String,
    pub status: String,
    pub domain_name: String,
    pub alternative_names: Vec<String>,
    pub details: Json<Details>,
    pub issuing: Json<Issuing>,
    pub created_at: DateTime<Utc>,
}

/// ARNs of all certificates whose orders are on their way, in all accounts.
pub async fn pending(db: &Db) -> Result<Vec<String>> {
    let query =
        sqlx::query_scalar("SELECT arn FROM certificates WHERE issuing IS NOT NULL ORDER BY created_at");
    Ok(query.fetch_all(db.pool()).await?)
}

/// Begins the renewal of certificates of all accounts that a listener shows and that have passed two thirds of their life. How many.
pub async fn begin_renewals(db: &Db, now: DateTime<Utc>) -> Result<u64> {
    let issuing = Issuing {
        since: Some(now),
        ..Issuing::default()
    };
    let begun = sqlx::query(
        "UPDATE certificates c SET issuing = $2 WHERE kind = 'AMAZON_ISSUED' AND status = 'ISSUED' AND issuing IS NULL \
         AND not_after > $1 AND not_before + (not_after - not_before) * 2 / 3 < $1 \
         AND (EXISTS (SELECT 1 FROM listeners WHERE certificate_arn = c.arn) \
           OR EXISTS (SELECT 1 FROM listener_certificates WHERE certificate_arn = c.arn))",
    )
    .bind(now)
    .bind(Json(issuing))
    .execute(db.pool())
    .await?;
    Ok(begun.rows_affected())
}

/// Begins the renewal of one issued certificate now (RenewCertificate). False if an order is on its way already.
pub async fn begin_renewal(tx: &mut Tx, scope: &Scope, arn: &str, now: DateTime<Utc>) -> Result<bool> {
    let issuing = Issuing {
        since: Some(now),
        ..Issuing::default()
    };
    let begun = sqlx::query(
        "UPDATE certificates SET issuing = $4 WHERE account = $1 AND region = $2 AND arn = $3 AND kind = 'AMAZON_ISSUED' \
         AND issuing IS NULL",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arn)
    .bind(Json(issuing))
    .execute(&mut **tx)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// The order of this certificate, if there is one. Not scoped: for the issuer, which serves all accounts.
pub async fn load(db: &Db, arn: &str) -> Result<Option<Pending>> {
    let query = sqlx::query_as(
        "SELECT arn, account, region, status, domain_name, alternative_names, details, issuing, created_at FROM certificates \
         WHERE arn = $1 AND issuing IS NOT NULL",
    );
    Ok(query.bind(arn).fetch_optional(db.pool()).await?)
}

/// Writes how the order stands. False if it is not as `before` any more: another server went on with it, or it is over.
pub async fn save(tx: &mut Tx, arn: &str, before: &Issuing, after: &Issuing) -> Result<bool> {
    let done = sqlx::query("UPDATE certificates SET issuing = $3 WHERE arn = $1 AND issuing = $2")
        .bind(arn)
        .bind(Json(before))
        .bind(Json(after))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds answers to HTTP-01 challenges: (token, key authorization).
pub async fn answer(tx: &mut Tx, answers: &[(String, String)], now: DateTime<Utc>) -> Result<()> {
    let (tokens, authorizations): (Vec<&str>, Vec<&str>) = answers
        .iter()
        .map(|(token, authorization)| (token.as_str(), authorization.as_str()))
        .unzip();
    sqlx::query(
        "INSERT INTO acme_challenges (token, key_authorization, created_at) \
         SELECT t.token, t.authorization, $3 FROM unnest($1::text[], $2::text[]) AS t(token, \"authorization\") \
         ON CONFLICT (token) DO UPDATE SET key_authorization = excluded.key_authorization",
    )
    .bind(tokens)
    .bind(authorizations)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the answers to these tokens away.
pub async fn forget(tx: &mut Tx, tokens: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM acme_challenges WHERE token = ANY($1)")
        .bind(tokens)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All answers that proxies give now under `/.well-known/acme-challenge/`: (token, key authorization), by token.
pub async fn answers(db: &Db) -> Result<Vec<(String, String)>> {
    let query = sqlx::query_as("SELECT token, key_authorization FROM acme_challenges ORDER BY token");
    Ok(query.fetch_all(db.pool()).await?)
}

/// Our account at a directory, as `auth::Vault` sealed it under the directory's URL.
pub async fn account(db: &Db, directory: &str) -> Result<Option<Vec<u8>>> {
    let query = sqlx::query_scalar("SELECT sealed_account FROM acme_accounts WHERE directory = $1");
    Ok(query.bind(directory).fetch_optional(db.pool()).await?)
}

/// Keeps the account that was made at a directory, unless another server was quicker. Gives the one to use.
pub async fn keep_account(db: &Db, directory: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    sqlx::query(
        "INSERT INTO acme_accounts (directory, sealed_account) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(directory)
    .bind(sealed)
    .execute(db.pool())
    .await?;
    let query = sqlx::query_scalar("SELECT sealed_account FROM acme_accounts WHERE directory = $1");
    Ok(query.bind(directory).fetch_one(db.pool()).await?)
}
