use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    AddTrustStoreRevocationsInput, AddTrustStoreRevocationsOutput, RevocationType, TrustStoreRevocation,
};
use store::Wake;
use store::trust_stores::NewRevocation;

use crate::elbv2::{trust_bundle, trust_stores};
use crate::{Context, Error, Result};

/// Revoked certificates of a trust store, over all its lists.
const ENTRIES: i64 = 500_000;

/// AddTrustStoreRevocations: lists from the operator's folder of objects (LB-39).
pub async fn add_trust_store_revocations(
    cx: &Context,
    input: AddTrustStoreRevocationsInput,
) -> Result<AddTrustStoreRevocationsOutput> {
    let arn = trust_stores::find(cx, &input.trust_store_arn).await?.arn;
    let mut lists = Vec::new();
    for given in input.revocation_contents.unwrap_or_default() {
        let (Some(bucket), Some(key)) = (given.s3_bucket, given.s3_key) else {
            return Err(Error::validation(
                "The S3 bucket and key of a revocation content must be specified",
            ));
        };
        let version = given.s3_object_version.as_deref();
        let (content, entries) = trust_bundle::revocations(cx, &bucket, &key, version).await?;
        lists.push(NewRevocation { content, entries });
    }
    if lists.is_empty() {
        return Err(Error::validation(
            "At least one revocation content must be specified",
        ));
    }
    let mut tx = cx.db().begin().await?;
    trust_stores::hold(cx, &mut tx, &arn).await?;
    let added = store::trust_stores::add_revocations(&mut tx, &arn, &lists).await?;
    if store::trust_stores::entries(&mut tx, &arn).await? > ENTRIES {
        return Err(Error::new(
            ErrorCode::TooManyTrustStoreRevocationEntriesException,
            format!("A trust store cannot have more than '{ENTRIES}' revocation entries"),
        ));
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    let shown = added.into_iter().map(|row| TrustStoreRevocation {
        trust_store_arn: Some(arn.clone()),
        revocation_id: Some(row.revocation_id),
        revocation_type: Some(RevocationType::Crl),
        number_of_revoked_entries: Some(row.entries),
    });
    Ok(AddTrustStoreRevocationsOutput {
        trust_store_revocations: Some(shown.collect()),
    })
}
