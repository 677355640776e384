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

/// ARNs of all certificates whose orders are due, in all accounts.
pub async fn pending(db: &Db, now: DateTime<Utc>) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT arn FROM certificates WHERE issuing IS NOT NULL \
         AND coalesce((issuing->>'not_before')::timestamptz <= $1, true) ORDER BY created_at",
    );
    Ok(query.bind(now).fetch_all(db.pool()).await?)
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

/// Adds answers to HTTP-01 challenges of a certificate's order: (token, key authorization). The balancers of its account give them
/// ([`crate::routes`]); they are told.
pub async fn answer(
    tx: &mut Tx,
    scope: &Scope,
    answers: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<()> {
    let (tokens, authorizations): (Vec<&str>, Vec<&str>) = answers
        .iter()
        .map(|(token, authorization)| (token.as_str(), authorization.as_str()))
        .unzip();
    sqlx::query(
        "INSERT INTO acme_challenges (token, key_authorization, created_at) \
         SELECT t.token, t.key_authorization, $3 FROM unnest($1::text[], $2::text[]) AS t(token, key_authorization) \
         ON CONFLICT (token) DO UPDATE SET key_authorization = excluded.key_authorization",
    )
    .bind(tokens)
    .bind(authorizations)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    touch_balancers(tx, scope).await
}

/// Takes the answers to these tokens away.
pub async fn forget(tx: &mut Tx, scope: &Scope, tokens: &[String]) -> Result<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM acme_challenges WHERE token = ANY($1)")
        .bind(tokens)
        .execute(&mut **tx)
        .await?;
    touch_balancers(tx, scope).await
}

/// Removes answers that were left by certificates which were deleted under way.
pub async fn forget_before(db: &Db, before: DateTime<Utc>) -> Result<()> {
    sqlx::query("DELETE FROM acme_challenges WHERE created_at < $1")
        .bind(before)
        .execute(db.pool())
        .await?;
    Ok(())
}

async fn touch_balancers(tx: &mut Tx, scope: &Scope) -> Result<()> {
    let arns: Vec<String> = sqlx::query_scalar(
        "SELECT arn FROM load_balancers WHERE account = $1 AND region = $2 AND kind = 'application' ORDER BY arn",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .fetch_all(&mut **tx)
    .await?;
    for arn in arns {
        crate::routes::touch_balancer(tx, &arn).await?;
    }
    Ok(())
}

/// Whether every proxy that lives and listens for this account and region has its balancers as they are now: it gives the answers.
pub async fn answers_stand(db: &Db, scope: &Scope) -> Result<bool> {
    let behind: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM listener_statuses s JOIN listeners l ON l.arn = s.listener_arn \
         JOIN load_balancers b ON b.arn = l.load_balancer_arn JOIN proxies p ON p.name = s.proxy \
         WHERE b.account = $1 AND b.region = $2 AND b.kind = 'application' AND s.revision < b.revision \
         AND p.seen_at > now() - make_interval(secs => $3))",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(crate::proxies::LIFE.as_secs_f64())
    .fetch_one(db.pool())
    .await?;
    Ok(!behind)
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
