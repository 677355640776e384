use aws_model::ec2::types::{DescribeSubnetsRequest, DescribeSubnetsResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::subnet;
use crate::{Context, Result};

/// DescribeSubnets.
pub async fn describe_subnets(cx: &Context, input: DescribeSubnetsRequest) -> Result<DescribeSubnetsResult> {
    let selection = Selection {
        ids: input.subnet_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(subnet::all(cx).await?)?;
    Ok(DescribeSubnetsResult {
        subnets: Some(items),
        next_token,
    })
}
