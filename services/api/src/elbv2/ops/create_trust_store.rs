use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{CreateTrustStoreInput, CreateTrustStoreOutput};

use crate::elbv2::{find, ids, tags, trust_bundle, trust_stores};
use crate::{Context, Error, Result};

/// Trust stores of an account in a region.
const TRUST_STORES: i64 = 20;

/// CreateTrustStore: the bundle of authorities is read once, from the operator's folder of objects (LB-39).
pub async fn create_trust_store(
    cx: &Context,
    input: CreateTrustStoreInput,
) -> Result<CreateTrustStoreOutput> {
    if domain::elb::check_name(&input.name, false).is_err() {
        return Err(Error::validation(format!(
            "Trust store name '{}' must have 1 to 32 letters, digits and hyphens, and must not begin or end with a hyphen",
            input.name
        )));
    }
    let tags = tags::checked(input.tags)?;
    let authorities = trust_bundle::authorities(
        cx,
        &input.ca_certificates_bundle_s3_bucket,
        &input.ca_certificates_bundle_s3_key,
        input.ca_certificates_bundle_s3_object_version.as_deref(),
    )
    .await?;
    let arn = cx.scope.trust_store_arn(&input.name, ids::new_id(cx));
    let mut tx = cx.db().begin().await?;
    if store::trust_stores::count(&mut tx, &cx.scope).await? >= TRUST_STORES {
        return Err(Error::new(
            ErrorCode::TooManyTrustStoresException,
            format!("An account cannot have more than '{TRUST_STORES}' trust stores"),
        ));
    }
    let made =
        store::trust_stores::insert(&mut tx, &cx.scope, &arn, &input.name, &authorities, cx.now()).await?;
    if !made {
        return Err(Error::new(
            ErrorCode::DuplicateTrustStoreNameException,
            format!("A trust store with the name '{}' already exists", input.name),
        ));
    }
    store::tags::set(&mut tx, &cx.scope, &arn, &tags).await?;
    cx.db().commit(tx, []).await?;
    let row = store::trust_stores::find(cx.db(), &cx.scope, &arn).await?;
    let row = row.ok_or_else(|| find::not_found(domain::ElbKind::TrustStore, &arn))?;
    Ok(CreateTrustStoreOutput {
        trust_stores: Some(vec![trust_stores::shown(row)]),
    })
}
