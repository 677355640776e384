use aws_model::ec2::types::{DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::internet_gateway;
use crate::{Context, Result};

/// DescribeInternetGateways.
pub async fn describe_internet_gateways(
    cx: &Context,
    input: DescribeInternetGatewaysRequest,
) -> Result<DescribeInternetGatewaysResult> {
    let selection = Selection {
        ids: input.internet_gateway_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(internet_gateway::all(cx).await?)?;
    Ok(DescribeInternetGatewaysResult {
        internet_gateways: Some(items),
        next_token,
    })
}
