//! ACM's certificates. Private keys are sealed by `auth::Vault` under the certificate's ARN; nothing here gives them out but what proxies
//! are told ([`crate::routes`]).

mod changes;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Scope;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::{Db, Result, Tx};

pub use changes::{
    Deleted, Material, NewRequest, delete, import, install, reimport, request, set_details, set_status,
};

/// A row of `certificates` without its texts and key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CertificateRow {
    pub arn: String,
    pub account: String,
    pub region: String,
    /// `IMPORTED` or `AMAZON_ISSUED` (by ACME).
    pub kind: String,
    /// A CertificateStatus; EXPIRED is not written but follows from `not_after`.
    pub status: String,
    pub domain_name: String,
    /// The domain name first.
    pub alternative_names: Vec<String>,
    pub details: Json<Details>,
    pub not_before: Option<DateTime<Utc>>,
    pub not_after: Option<DateTime<Utc>>,
    /// An ACME order is on its way, for the first issue or a renewal.
    pub issuing: bool,
    pub created_at: DateTime<Utc>,
}

/// What DescribeCertificate shows beyond the columns; words of ACM's enums as their strings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    pub subject: Option<String>,
    pub issuer: Option<String>,
    pub serial: Option<String>,
    pub key_algorithm: Option<String>,
    pub signature_algorithm: Option<String>,
    pub key_usages: Vec<String>,
    /// Names with their object identifiers.
    pub extended_key_usages: Vec<(String, String)>,
    pub imported_at: Option<DateTime<Utc>>,
    pub issued_at: Option<DateTime<Utc>>,
    /// `ENABLED` or `DISABLED`.
    pub transparency_logging: Option<String>,
    /// `DNS`, `EMAIL` or `HTTP`, as asked for.
    pub validation_method: Option<String>,
    pub failure_reason: Option<String>,
    /// State of the managed renewal, once there was one: a RenewalStatus and when it changed.
    pub renewal: Option<(String, DateTime<Utc>)>,
}

const SELECT: &str = "SELECT arn, account, region, kind, status, domain_name, alternative_names, details, not_before, not_after, \
    issuing IS NOT NULL AS issuing, created_at FROM certificates";

/// The certificate with this ARN.
pub async fn find(db: &Db, scope: &Scope, arn: &str) -> Result<Option<CertificateRow>> {
    let sql = format!("{SELECT} WHERE account = $1 AND region = $2 AND arn = $3");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arn)
        .fetch_optional(db.pool())
        .await?)
}

/// All certificates, oldest first. There are at most some thousands (LB-41).
pub async fn all(db: &Db, scope: &Scope) -> Result<Vec<CertificateRow>> {
    let sql = format!("{SELECT} WHERE account = $1 AND region = $2 ORDER BY created_at, arn");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// Lets the transaction make certificates alone in this account and region, so that the quota and idempotency tokens hold.
pub async fn create_alone(tx: &mut Tx, scope: &Scope) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 9))")
        .bind(format!("{} {}", scope.account, scope.region))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many certificates there are.
pub async fn count(tx: &mut Tx, scope: &Scope) -> Result<i64> {
    let query = sqlx::query_scalar("SELECT count(*) FROM certificates WHERE account = $1 AND region = $2");
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_one(&mut **tx)
        .await?)
}

/// The texts of a certificate, if it is issued: leaf and chain, in PEM.
pub async fn texts(db: &Db, scope: &Scope, arn: &str) -> Result<Option<(String, Option<String>)>> {
    let row: Option<(Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT certificate, chain FROM certificates WHERE account = $1 AND region = $2 AND arn = $3",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arn)
    .fetch_optional(db.pool())
    .await?;
    Ok(row.and_then(|(certificate, chain)| Some((certificate?, chain))))
}

/// Of these certificates those that can be shown to clients: they exist and are issued. They stay until the transaction ends.
pub async fn hold(tx: &mut Tx, scope: &Scope, arns: &[String]) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT arn FROM certificates WHERE account = $1 AND region = $2 AND arn = ANY($3) AND sealed_private_key IS NOT NULL \
         ORDER BY arn FOR KEY SHARE",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .fetch_all(&mut **tx)
        .await?)
}

/// Keeps a certificate from being deleted until the transaction ends. False if there is none with this ARN.
pub async fn keep(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<bool> {
    let row = sqlx::query(
        "SELECT 1 FROM certificates WHERE account = $1 AND region = $2 AND arn = $3 FOR KEY SHARE",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(arn);
    Ok(row.fetch_optional(&mut **tx).await?.is_some())
}

/// What is shown beyond the columns, locked until the transaction ends. Not scoped: the ARN comes from a row that was.
pub async fn details(tx: &mut Tx, arn: &str) -> Result<Option<Details>> {
    let query = sqlx::query_scalar("SELECT details FROM certificates WHERE arn = $1 FOR NO KEY UPDATE");
    let details: Option<Json<Details>> = query.bind(arn).fetch_optional(&mut **tx).await?;
    Ok(details.map(|details| details.0))
}

/// ARNs of the balancers whose listeners show these certificates, by certificate; those not in use are not in the map.
pub async fn in_use_by(db: &Db, arns: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT certificate_arn, load_balancer_arn FROM listeners WHERE certificate_arn = ANY($1) \
         UNION SELECT c.certificate_arn, l.load_balancer_arn FROM listener_certificates c JOIN listeners l ON l.arn = c.listener_arn \
         WHERE c.certificate_arn = ANY($1) ORDER BY 1, 2",
    )
    .bind(arns)
    .fetch_all(db.pool())
    .await?;
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (certificate, balancer) in rows {
        users.entry(certificate).or_default().push(balancer);
    }
    Ok(users)
}

/// The certificate that RequestCertificate made with this idempotency token since `since`. Call [`create_alone`] before.
pub async fn by_token(
    tx: &mut Tx,
    scope: &Scope,
    token: &str,
    since: DateTime<Utc>,
) -> Result<Option<CertificateRow>> {
    let sql = format!(
        "{SELECT} WHERE account = $1 AND region = $2 AND idempotency_token = $3 AND created_at > $4 ORDER BY created_at DESC LIMIT 1"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(token)
        .bind(since)
        .fetch_optional(&mut **tx)
        .await?)
}
