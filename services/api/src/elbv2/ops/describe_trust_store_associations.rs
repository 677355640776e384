use aws_model::elbv2::types::{
    DescribeTrustStoreAssociationsInput, DescribeTrustStoreAssociationsOutput, TrustStoreAssociation,
};

use crate::elbv2::paging::Page;
use crate::elbv2::trust_stores;
use crate::{Context, Result};

/// DescribeTrustStoreAssociations: the listeners that verify by it.
pub async fn describe_trust_store_associations(
    cx: &Context,
    input: DescribeTrustStoreAssociationsInput,
) -> Result<DescribeTrustStoreAssociationsOutput> {
    let arn = trust_stores::find(cx, &input.trust_store_arn).await?.arn;
    let page = Page::new(
        "DescribeTrustStoreAssociations",
        input.marker.as_deref(),
        input.page_size,
    )?;
    let mut tx = cx.db().begin().await?;
    let mut users = store::trust_stores::users(&mut tx, &arn).await?;
    users.retain(|user| user.as_str() > page.after());
    let (users, next_marker) = page.cut(users, Clone::clone);
    let shown = users.into_iter().map(|arn| TrustStoreAssociation {
        resource_arn: Some(arn),
    });
    Ok(DescribeTrustStoreAssociationsOutput {
        trust_store_associations: Some(shown.collect()),
        next_marker,
    })
}
