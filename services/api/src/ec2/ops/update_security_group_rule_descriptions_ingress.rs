use aws_model::ec2::types::{
    UpdateSecurityGroupRuleDescriptionsIngressRequest, UpdateSecurityGroupRuleDescriptionsIngressResult,
};
use store::networks::security_group_rules;

use crate::ec2::permissions;
use crate::{Context, Result};

/// UpdateSecurityGroupRuleDescriptionsIngress: what is said of rules about what comes in; without a text, nothing.
pub async fn update_security_group_rule_descriptions_ingress(
    cx: &Context,
    input: UpdateSecurityGroupRuleDescriptionsIngressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressResult> {
    let group = permissions::group(cx, input.group_id, input.group_name).await?;
    let by_id = input.security_group_rule_descriptions;
    let changes = permissions::descriptions(cx, by_id, input.ip_permissions).await?;
    security_group_rules::describe(cx.db(), &cx.scope, &group, false, &changes).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressResult { r#return: Some(true) })
}
