//! Which certificates a listener shows.

use crate::{Db, Result, Tx};

/// SNI certificates of a listener after `after`, in the order of their ARNs; the default one is not among them unless it was added.
pub async fn certificates(db: &Db, listener_arn: &str, after: &str, limit: i64) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT certificate_arn FROM listener_certificates WHERE listener_arn = $1 AND certificate_arn > $2 \
         ORDER BY certificate_arn LIMIT $3",
    );
    Ok(query
        .bind(listener_arn)
        .bind(after)
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// All SNI certificates of a listener, seen by the open transaction.
pub async fn sni_certificates(tx: &mut Tx, listener_arn: &str) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT certificate_arn FROM listener_certificates WHERE listener_arn = $1 ORDER BY certificate_arn",
    );
    Ok(query.bind(listener_arn).fetch_all(&mut **tx).await?)
}

/// Adds SNI certificates; those that are there already stay as they are.
pub async fn add_certificates(tx: &mut Tx, listener_arn: &str, arns: &[String]) -> Result<()> {
    sqlx::query(
        "INSERT INTO listener_certificates (listener_arn, certificate_arn) SELECT $1, arn FROM unnest($2::text[]) AS t(arn) \
         ON CONFLICT DO NOTHING",
    )
    .bind(listener_arn)
    .bind(arns)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes SNI certificates away; absent ones do not matter.
pub async fn remove_certificates(tx: &mut Tx, listener_arn: &str, arns: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM listener_certificates WHERE listener_arn = $1 AND certificate_arn = ANY($2)")
        .bind(listener_arn)
        .bind(arns)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
