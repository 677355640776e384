use aws_model::ec2::types::{AuthorizeSecurityGroupEgressRequest, AuthorizeSecurityGroupEgressResult};
use domain::network::ResourceKind;
use store::networks::security_group_rules;

use crate::ec2::permissions::{self, Single};
use crate::ec2::tags;
use crate::ec2::view::security_group_rule::security_group_rule;
use crate::{Context, Result};

/// AuthorizeSecurityGroupEgress: lets more out; all of the rules or none.
pub async fn authorize_security_group_egress(
    cx: &Context,
    input: AuthorizeSecurityGroupEgressRequest,
) -> Result<AuthorizeSecurityGroupEgressResult> {
    let single = Single {
        ip_protocol: input.ip_protocol,
        from_port: input.from_port,
        to_port: input.to_port,
        cidr_ip: input.cidr_ip,
        source_group_name: input.source_security_group_name,
        source_group_owner: input.source_security_group_owner_id,
    };
    single.refuse()?;
    let tags = tags::of_new(ResourceKind::SecurityGroupRule, input.tag_specifications)?;
    let group = permissions::group(cx, Some(input.group_id), None).await?;
    let rules = permissions::rules(cx, input.ip_permissions, single).await?;
    let rows = security_group_rules::authorize(cx.db(), &cx.scope, &group, true, &rules, &tags).await?;
    let rules = rows
        .into_iter()
        .map(|row| security_group_rule(&cx.scope, row, tags.clone()));
    Ok(AuthorizeSecurityGroupEgressResult {
        r#return: Some(true),
        security_group_rules: Some(rules.collect()),
    })
}
