use aws_model::ec2::types::{DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::security_group_rule;
use crate::{Context, Result};

/// DescribeSecurityGroupRules.
pub async fn describe_security_group_rules(
    cx: &Context,
    input: DescribeSecurityGroupRulesRequest,
) -> Result<DescribeSecurityGroupRulesResult> {
    let selection = Selection {
        ids: input.security_group_rule_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(security_group_rule::all(cx).await?)?;
    Ok(DescribeSecurityGroupRulesResult {
        security_group_rules: Some(items),
        next_token,
    })
}
