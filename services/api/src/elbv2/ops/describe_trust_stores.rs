use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DescribeTrustStoresInput, DescribeTrustStoresOutput};
use domain::ElbKind;

use crate::elbv2::paging::Page;
use crate::elbv2::{find, trust_stores};
use crate::{Context, Error, Result};

/// DescribeTrustStores: all by name, or those with the given ARNs or names (LB-13).
pub async fn describe_trust_stores(
    cx: &Context,
    input: DescribeTrustStoresInput,
) -> Result<DescribeTrustStoresOutput> {
    let arns = input.trust_store_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    if !arns.is_empty() && !names.is_empty() {
        return Err(Error::validation(
            "Trust store names and trust store ARNs cannot be specified at the same time",
        ));
    }
    for arn in &arns {
        find::check_arn(arn, ElbKind::TrustStore)?;
    }
    let page = Page::new("DescribeTrustStores", input.marker.as_deref(), input.page_size)?;
    let only = (!arns.is_empty() || !names.is_empty()).then_some((arns.as_slice(), names.as_slice()));
    let limit = match only {
        Some(_) => i64::from(i32::MAX),
        None => page.fetch(),
    };
    let rows = store::trust_stores::list(cx.db(), &cx.scope, only, page.after(), limit).await?;
    let lacks = |arn: Option<&String>, name: Option<&String>| {
        !rows
            .iter()
            .any(|row| Some(&row.arn) == arn || Some(&row.name) == name)
    };
    if arns.iter().any(|arn| lacks(Some(arn), None)) || names.iter().any(|name| lacks(None, Some(name))) {
        return Err(Error::new(
            ErrorCode::TrustStoreNotFoundException,
            "One or more trust stores not found",
        ));
    }
    let (rows, next_marker) = match only {
        Some(_) => (rows, None),
        None => page.cut(rows, |row| row.name.clone()),
    };
    Ok(DescribeTrustStoresOutput {
        trust_stores: Some(rows.into_iter().map(trust_stores::shown).collect()),
        next_marker,
    })
}
