use aws_model::elbv2::types::{GetTrustStoreRevocationContentInput, GetTrustStoreRevocationContentOutput};

use super::remove_trust_store_revocations::no_revocation;
use crate::elbv2::{trust_bundle, trust_stores};
use crate::{Context, Result};

/// GetTrustStoreRevocationContent: the location is a `data:` URL with the list itself.
pub async fn get_trust_store_revocation_content(
    cx: &Context,
    input: GetTrustStoreRevocationContentInput,
) -> Result<GetTrustStoreRevocationContentOutput> {
    let arn = trust_stores::find(cx, &input.trust_store_arn).await?.arn;
    let id = input.revocation_id;
    let content = store::trust_stores::revocation_content(cx.db(), &arn, id).await?;
    let content = content.ok_or_else(|| no_revocation(id))?;
    Ok(GetTrustStoreRevocationContentOutput {
        location: Some(trust_bundle::location("application/x-pem-file", &content)),
    })
}
