use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{RemoveTrustStoreRevocationsInput, RemoveTrustStoreRevocationsOutput};
use store::Wake;

use crate::elbv2::trust_stores;
use crate::{Context, Error, Result};

/// RemoveTrustStoreRevocations: all of them, or none.
pub async fn remove_trust_store_revocations(
    cx: &Context,
    input: RemoveTrustStoreRevocationsInput,
) -> Result<RemoveTrustStoreRevocationsOutput> {
    let arn = input.trust_store_arn;
    let mut tx = cx.db().begin().await?;
    trust_stores::hold(cx, &mut tx, &arn).await?;
    let missing = store::trust_stores::remove_revocations(&mut tx, &arn, &input.revocation_ids).await?;
    if let Some(id) = missing {
        return Err(no_revocation(id));
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(RemoveTrustStoreRevocationsOutput::default())
}

pub(super) fn no_revocation(id: i64) -> Error {
    Error::new(
        ErrorCode::RevocationIdNotFoundException,
        format!("Revocation '{id}' not found"),
    )
}
