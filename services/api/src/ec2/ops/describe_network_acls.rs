use aws_model::ec2::types::{DescribeNetworkAclsRequest, DescribeNetworkAclsResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::network_acl;
use crate::{Context, Result};

/// DescribeNetworkAcls.
pub async fn describe_network_acls(
    cx: &Context,
    input: DescribeNetworkAclsRequest,
) -> Result<DescribeNetworkAclsResult> {
    let selection = Selection {
        ids: input.network_acl_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(network_acl::all(cx).await?)?;
    Ok(DescribeNetworkAclsResult {
        network_acls: Some(items),
        next_token,
    })
}
