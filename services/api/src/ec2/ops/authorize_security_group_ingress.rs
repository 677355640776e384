use aws_model::ec2::types::{AuthorizeSecurityGroupIngressRequest, AuthorizeSecurityGroupIngressResult};
use domain::network::ResourceKind;
use store::networks::security_group_rules;

use crate::ec2::permissions::{self, Single};
use crate::ec2::tags;
use crate::ec2::view::security_group_rule::security_group_rule;
use crate::{Context, Result};

/// AuthorizeSecurityGroupIngress: lets more in; all of the rules or none.
pub async fn authorize_security_group_ingress(
    cx: &Context,
    input: AuthorizeSecurityGroupIngressRequest,
) -> Result<AuthorizeSecurityGroupIngressResult> {
    let single = Single {
        ip_protocol: input.ip_protocol,
        from_port: input.from_port,
        to_port: input.to_port,
        cidr_ip: input.cidr_ip,
        source_group_name: input.source_security_group_name,
        source_group_owner: input.source_security_group_owner_id,
    };
    let tags = tags::of_new(ResourceKind::SecurityGroupRule, input.tag_specifications)?;
    let group = permissions::group(cx, input.group_id, input.group_name).await?;
    let rules = permissions::rules(cx, input.ip_permissions, single).await?;
    let rows = security_group_rules::authorize(cx.db(), &cx.scope, &group, false, &rules, &tags).await?;
    let rules = rows
        .into_iter()
        .map(|row| security_group_rule(&cx.scope, row, tags.clone()));
    Ok(AuthorizeSecurityGroupIngressResult {
        r#return: Some(true),
        security_group_rules: Some(rules.collect()),
    })
}
