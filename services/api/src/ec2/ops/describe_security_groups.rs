use aws_model::ec2::types::{DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult, SecurityGroup};

use crate::ec2::permissions;
use crate::ec2::selection::Selection;
use crate::ec2::view::security_group;
use crate::{Context, Result};

/// DescribeSecurityGroups. Names are those of groups of the default VPC.
pub async fn describe_security_groups(
    cx: &Context,
    input: DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResult> {
    let mut named: Vec<String> = Vec::new();
    for name in input.group_names.unwrap_or_default() {
        named.push(permissions::group(cx, None, Some(name)).await?);
    }
    let mut groups: Vec<SecurityGroup> = security_group::all(cx).await?;
    if !named.is_empty() {
        groups.retain(|group| group.group_id.as_ref().is_some_and(|id| named.contains(id)));
    }
    let selection = Selection {
        ids: input.group_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (groups, next_token) = selection.of(groups)?;
    Ok(DescribeSecurityGroupsResult {
        security_groups: Some(groups),
        next_token,
    })
}
