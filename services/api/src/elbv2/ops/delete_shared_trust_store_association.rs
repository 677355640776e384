use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    DeleteSharedTrustStoreAssociationInput, DeleteSharedTrustStoreAssociationOutput,
};

use crate::elbv2::trust_stores;
use crate::{Context, Error, Result};

/// DeleteSharedTrustStoreAssociation: trust stores are not shared between accounts here, so what there is to delete is the account's own.
pub async fn delete_shared_trust_store_association(
    cx: &Context,
    input: DeleteSharedTrustStoreAssociationInput,
) -> Result<DeleteSharedTrustStoreAssociationOutput> {
    let arn = trust_stores::find(cx, &input.trust_store_arn).await?.arn;
    let mut tx = cx.db().begin().await?;
    let users = store::trust_stores::users(&mut tx, &arn).await?;
    match users.contains(&input.resource_arn) {
        true => Err(Error::new(
            ErrorCode::DeleteAssociationSameAccountException,
            "The association cannot be deleted: the trust store and the listener are in the same account",
        )),
        false => Err(Error::new(
            ErrorCode::TrustStoreAssociationNotFoundException,
            format!(
                "Trust store '{arn}' is not associated with '{}'",
                input.resource_arn
            ),
        )),
    }
}
