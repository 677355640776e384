//! Trust stores as answers show them, and how they are found.

use aws_model::elbv2::types::{TrustStore, TrustStoreStatus};
use domain::ElbKind;
use store::Tx;
use store::trust_stores::TrustStoreRow;

use super::find;
use crate::{Context, Result};

/// A trust store as answers show it.
pub fn shown(row: TrustStoreRow) -> TrustStore {
    TrustStore {
        name: Some(row.name),
        trust_store_arn: Some(row.arn),
        status: Some(TrustStoreStatus::Active),
        number_of_ca_certificates: Some(i32::try_from(row.authorities).unwrap_or(i32::MAX)),
        total_revoked_entries: Some(row.revoked),
    }
}

/// The trust store with this ARN.
///
/// # Errors
/// ValidationError, TrustStoreNotFound.
pub async fn find(cx: &Context, arn: &str) -> Result<TrustStoreRow> {
    find::check_arn(arn, ElbKind::TrustStore)?;
    let found = store::trust_stores::find(cx.db(), &cx.scope, arn).await?;
    found.ok_or_else(|| find::not_found(ElbKind::TrustStore, arn))
}

/// Keeps the trust store as it is until the transaction ends.
///
/// # Errors
/// ValidationError, TrustStoreNotFound.
pub async fn hold(cx: &Context, tx: &mut Tx, arn: &str) -> Result<()> {
    find::check_arn(arn, ElbKind::TrustStore)?;
    match store::trust_stores::hold(tx, &cx.scope, arn).await? {
        true => Ok(()),
        false => Err(find::not_found(ElbKind::TrustStore, arn)),
    }
}
