use aws_model::elbv2::types::{DescribeAccountLimitsInput, DescribeAccountLimitsOutput, Limit};

use crate::elbv2::limits;
use crate::elbv2::paging::Page;
use crate::{Context, Result};

/// DescribeAccountLimits: the quotas (LB-41).
pub async fn describe_account_limits(
    _cx: &Context,
    input: DescribeAccountLimitsInput,
) -> Result<DescribeAccountLimitsOutput> {
    let page = Page::new("DescribeAccountLimits", input.marker.as_deref(), input.page_size)?;
    let after = page.after();
    let rest: Vec<Limit> = limits::ALL
        .iter()
        .filter(|(name, _)| *name > after)
        .map(|(name, max)| Limit {
            name: Some((*name).to_owned()),
            max: Some(max.to_string()),
        })
        .collect();
    let (shown, next_marker) = page.cut(rest, |limit| limit.name.clone().unwrap_or_default());
    Ok(DescribeAccountLimitsOutput {
        limits: Some(shown),
        next_marker,
    })
}
