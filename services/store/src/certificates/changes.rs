//! What changes certificates.

use chrono::{DateTime, Utc};
use domain::Scope;
use sqlx::types::Json;

use super::Details;
use crate::{Result, Tx};

/// A certificate's texts and what is read from them.
#[derive(Debug, Clone)]
pub struct Material {
    /// PEM of the leaf.
    pub certificate: String,
    /// PEM of the rest of the chain, leaf's issuer first.
    pub chain: Option<String>,
    /// PEM, sealed under the certificate's ARN.
    pub sealed_private_key: Vec<u8>,
    pub domain_name: String,
    pub alternative_names: Vec<String>,
    pub details: Details,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
}

/// A certificate that an ACME directory is to issue.
#[derive(Debug, Clone)]
pub struct NewRequest {
    pub arn: String,
    pub domain_name: String,
    /// The domain name first.
    pub alternative_names: Vec<String>,
    pub details: Details,
    pub idempotency_token: Option<String>,
    /// First state of its order.
    pub issuing: crate::acme::Issuing,
}

/// What a deletion came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    InUse,
    Absent,
}

/// Stores an imported certificate under a new ARN.
pub async fn import(
    tx: &mut Tx,
    scope: &Scope,
    arn: &str,
    material: &Material,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO certificates (arn, account, region, kind, status, domain_name, alternative_names, details, certificate, chain, \
         sealed_private_key, not_before, not_after, created_at) \
         VALUES ($1, $2, $3, 'IMPORTED', 'ISSUED', $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(arn)
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(&material.domain_name)
    .bind(&material.alternative_names)
    .bind(Json(&material.details))
    .bind(&material.certificate)
    .bind(&material.chain)
    .bind(&material.sealed_private_key)
    .bind(material.not_before)
    .bind(material.not_after)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces an imported certificate under its ARN. False if there is none of that kind.
pub async fn reimport(tx: &mut Tx, scope: &Scope, arn: &str, material: &Material) -> Result<bool> {
    let row =
        sqlx::query("SELECT 1 FROM certificates WHERE account = $1 AND region = $2 AND arn = $3 AND kind = 'IMPORTED' FOR UPDATE")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(arn);
    if row.fetch_optional(&mut **tx).await?.is_none() {
        return Ok(false);
    }
    install(tx, arn, material).await?;
    Ok(true)
}

/// Puts new texts under a certificate's ARN: it is ISSUED, its order is over, and proxies are told.
pub async fn install(tx: &mut Tx, arn: &str, material: &Material) -> Result<()> {
    sqlx::query(
        "UPDATE certificates SET status = 'ISSUED', domain_name = $2, alternative_names = $3, details = $4, certificate = $5, chain = $6, \
         sealed_private_key = $7, not_before = $8, not_after = $9, issuing = NULL WHERE arn = $1",
    )
    .bind(arn)
    .bind(&material.domain_name)
    .bind(&material.alternative_names)
    .bind(Json(&material.details))
    .bind(&material.certificate)
    .bind(&material.chain)
    .bind(&material.sealed_private_key)
    .bind(material.not_before)
    .bind(material.not_after)
    .execute(&mut **tx)
    .await?;
    crate::routes::touch_certificate(tx, arn).await
}

/// Stores a request for a certificate; the certificate issuer goes on from there.
pub async fn request(tx: &mut Tx, scope: &Scope, new: &NewRequest, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "INSERT INTO certificates (arn, account, region, kind, status, domain_name, alternative_names, details, issuing, idempotency_token, \
         created_at) VALUES ($1, $2, $3, 'AMAZON_ISSUED', 'PENDING_VALIDATION', $4, $5, $6, $7, $8, $9)",
    )
    .bind(&new.arn)
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(&new.domain_name)
    .bind(&new.alternative_names)
    .bind(Json(&new.details))
    .bind(Json(&new.issuing))
    .bind(&new.idempotency_token)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces what DescribeCertificate shows beyond the columns.
pub async fn set_details(tx: &mut Tx, arn: &str, details: &Details) -> Result<()> {
    sqlx::query("UPDATE certificates SET details = $2 WHERE arn = $1")
        .bind(arn)
        .bind(Json(details))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves a certificate that is not issued to another status, such as VALIDATION_TIMED_OUT; its order is over.
pub async fn set_status(tx: &mut Tx, arn: &str, status: &str, details: &Details) -> Result<()> {
    sqlx::query("UPDATE certificates SET status = $2, details = $3, issuing = NULL WHERE arn = $1")
        .bind(arn)
        .bind(status)
        .bind(Json(details))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes a certificate that no listener shows, with its tags.
pub async fn delete(tx: &mut Tx, scope: &Scope, arn: &str) -> Result<Deleted> {
    let row =
        sqlx::query("SELECT 1 FROM certificates WHERE account = $1 AND region = $2 AND arn = $3 FOR UPDATE")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(arn);
    if row.fetch_optional(&mut **tx).await?.is_none() {
        return Ok(Deleted::Absent);
    }
    let used: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM listeners WHERE certificate_arn = $1) \
             OR EXISTS (SELECT 1 FROM listener_certificates WHERE certificate_arn = $1)",
    )
    .bind(arn)
    .fetch_one(&mut **tx)
    .await?;
    if used {
        return Ok(Deleted::InUse);
    }
    sqlx::query("DELETE FROM certificates WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    crate::tags::remove_all(tx, scope, &[arn.to_owned()]).await?;
    Ok(Deleted::Done)
}
