use aws_model::ec2::types::{
    UpdateSecurityGroupRuleDescriptionsEgressRequest, UpdateSecurityGroupRuleDescriptionsEgressResult,
};
use store::networks::security_group_rules;

use crate::ec2::permissions;
use crate::{Context, Result};

/// UpdateSecurityGroupRuleDescriptionsEgress: what is said of rules about what goes out; without a text, nothing.
pub async fn update_security_group_rule_descriptions_egress(
    cx: &Context,
    input: UpdateSecurityGroupRuleDescriptionsEgressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressResult> {
    let group = permissions::group(cx, input.group_id, input.group_name).await?;
    let by_id = input.security_group_rule_descriptions;
    let changes = permissions::descriptions(cx, by_id, input.ip_permissions).await?;
    security_group_rules::describe(cx.db(), &cx.scope, &group, true, &changes).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressResult { r#return: Some(true) })
}
