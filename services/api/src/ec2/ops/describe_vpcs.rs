use aws_model::ec2::types::{DescribeVpcsRequest, DescribeVpcsResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::vpc;
use crate::{Context, Result};

/// DescribeVpcs.
pub async fn describe_vpcs(cx: &Context, input: DescribeVpcsRequest) -> Result<DescribeVpcsResult> {
    let selection = Selection {
        ids: input.vpc_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(vpc::all(cx).await?)?;
    Ok(DescribeVpcsResult {
        vpcs: Some(items),
        next_token,
    })
}
