use aws_model::ec2::types::{
    ModifySecurityGroupRulesRequest, ModifySecurityGroupRulesResult, SecurityGroupRuleRequest,
};
use domain::network::ResourceKind;
use store::networks::security_group_rules::{self, NewRule, Peer};

use crate::ec2::{given, permissions, refusal};
use crate::{Context, Result};

/// ModifySecurityGroupRules: other rules under the same ids; all or none.
pub async fn modify_security_group_rules(
    cx: &Context,
    input: ModifySecurityGroupRulesRequest,
) -> Result<ModifySecurityGroupRulesResult> {
    given::id(ResourceKind::SecurityGroup, &input.group_id)?;
    let mut changes: Vec<(String, NewRule)> = Vec::new();
    for update in input.security_group_rules {
        given::id(ResourceKind::SecurityGroupRule, &update.security_group_rule_id)?;
        let request = update
            .security_group_rule
            .ok_or_else(|| refusal::missing("securityGroupRule"))?;
        if changes.iter().any(|(id, _)| *id == update.security_group_rule_id) {
            return Err(refusal::invalid_value(
                "The same security group rule must not appear multiple times",
            ));
        }
        changes.push((update.security_group_rule_id, rule(request)?));
    }
    security_group_rules::modify(cx.db(), &cx.scope, &input.group_id, &changes).await?;
    Ok(ModifySecurityGroupRulesResult { r#return: Some(true) })
}

fn rule(request: SecurityGroupRuleRequest) -> Result<NewRule> {
    given::absent(&request.prefix_list_id, "PrefixListId")?;
    let ip_protocol = permissions::protocol(request.ip_protocol.as_deref())?;
    let (from_port, to_port) = permissions::ports(&ip_protocol, request.from_port, request.to_port)?;
    let peer = match (request.cidr_ipv4, request.cidr_ipv6, request.referenced_group_id) {
        (Some(block), None, None) => permissions::ipv4(&block)?,
        (None, Some(block), None) => permissions::ipv6(&block)?,
        (None, None, Some(group)) => {
            given::id(ResourceKind::SecurityGroup, &group)?;
            Peer::Group(group)
        }
        (None, None, None) => {
            return Err(refusal::missing("cidrIpv4, cidrIpv6 or referencedGroupId"));
        }
        _ => {
            return Err(refusal::combination(
                "Only one of cidrIpv4, cidrIpv6 and referencedGroupId may be specified",
            ));
        }
    };
    Ok(NewRule {
        ip_protocol,
        from_port,
        to_port,
        peer,
        description: permissions::description(request.description)?,
    })
}
