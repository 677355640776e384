use aws_model::elbv2::types::{
    DescribeTrustStoreRevocation, DescribeTrustStoreRevocationsInput, DescribeTrustStoreRevocationsOutput,
    RevocationType,
};

use super::remove_trust_store_revocations::no_revocation;
use crate::elbv2::paging::Page;
use crate::elbv2::trust_stores;
use crate::{Context, Result};

/// DescribeTrustStoreRevocations: all by id, or those with the given ids.
pub async fn describe_trust_store_revocations(
    cx: &Context,
    input: DescribeTrustStoreRevocationsInput,
) -> Result<DescribeTrustStoreRevocationsOutput> {
    let arn = trust_stores::find(cx, &input.trust_store_arn).await?.arn;
    let page = Page::new(
        "DescribeTrustStoreRevocations",
        input.marker.as_deref(),
        input.page_size,
    )?;
    let ids = input.revocation_ids.filter(|ids| !ids.is_empty());
    let after = page.after().parse().unwrap_or(0);
    let rows = store::trust_stores::revocations(cx.db(), &arn, ids.as_deref(), after, page.fetch()).await?;
    let missing = ids
        .iter()
        .flatten()
        .find(|id| **id > after && rows.iter().all(|row| row.revocation_id != **id));
    if let Some(id) = missing {
        return Err(no_revocation(*id));
    }
    let (rows, next_marker) = page.cut(rows, |row| row.revocation_id.to_string());
    let shown = rows.into_iter().map(|row| DescribeTrustStoreRevocation {
        trust_store_arn: Some(arn.clone()),
        revocation_id: Some(row.revocation_id),
        revocation_type: Some(RevocationType::Crl),
        number_of_revoked_entries: Some(row.entries),
    });
    Ok(DescribeTrustStoreRevocationsOutput {
        trust_store_revocations: Some(shown.collect()),
        next_marker,
    })
}
