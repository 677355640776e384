use aws_model::elbv2::types::{ModifyTrustStoreInput, ModifyTrustStoreOutput};
use domain::ElbKind;
use store::Wake;
use store::trust_stores::Changed;

use crate::elbv2::{find, trust_bundle, trust_stores};
use crate::{Context, Result};

/// ModifyTrustStore: replaces the bundle of authorities; listeners that verify by it do so by the new one.
pub async fn modify_trust_store(
    cx: &Context,
    input: ModifyTrustStoreInput,
) -> Result<ModifyTrustStoreOutput> {
    let arn = input.trust_store_arn;
    trust_stores::find(cx, &arn).await?;
    let authorities = trust_bundle::authorities(
        cx,
        &input.ca_certificates_bundle_s3_bucket,
        &input.ca_certificates_bundle_s3_key,
        input.ca_certificates_bundle_s3_object_version.as_deref(),
    )
    .await?;
    let mut tx = cx.db().begin().await?;
    if store::trust_stores::set_bundle(&mut tx, &cx.scope, &arn, &authorities).await? != Changed::Done {
        return Err(find::not_found(ElbKind::TrustStore, &arn));
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(ModifyTrustStoreOutput {
        trust_stores: Some(vec![trust_stores::shown(trust_stores::find(cx, &arn).await?)]),
    })
}
