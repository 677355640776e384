use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DeleteTrustStoreInput, DeleteTrustStoreOutput};
use domain::ElbKind;
use store::trust_stores::{self, Changed};

use crate::elbv2::find;
use crate::{Context, Error, Result};

/// DeleteTrustStore: refused while a listener verifies by it.
pub async fn delete_trust_store(
    cx: &Context,
    input: DeleteTrustStoreInput,
) -> Result<DeleteTrustStoreOutput> {
    let arn = input.trust_store_arn;
    find::check_arn(&arn, ElbKind::TrustStore)?;
    let mut tx = cx.db().begin().await?;
    match trust_stores::delete(&mut tx, &cx.scope, &arn).await? {
        Changed::Done => cx.db().commit(tx, []).await?,
        Changed::Absent => return Err(find::not_found(ElbKind::TrustStore, &arn)),
        Changed::InUse => {
            return Err(Error::new(
                ErrorCode::TrustStoreInUseException,
                format!("Trust store '{arn}' is currently in use by a listener"),
            ));
        }
    }
    Ok(DeleteTrustStoreOutput::default())
}
