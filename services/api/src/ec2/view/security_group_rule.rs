use aws_model::ec2::types::{ReferencedSecurityGroup, RevokedSecurityGroupRule, SecurityGroupRule, Tag};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::security_group_rules::RuleRow;

use crate::ec2::filters::{Field, Filtered, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All rules of all security groups.
pub async fn all(cx: &Context) -> Result<Vec<SecurityGroupRule>> {
    let rows = store::networks::security_group_rules::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::SecurityGroupRule,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            security_group_rule(&cx.scope, row, tags)
        })
        .collect())
}

pub fn security_group_rule(scope: &Scope, row: RuleRow, tags: Vec<store::tags::Tag>) -> SecurityGroupRule {
    let account = scope.account.to_string();
    let referenced = row.referenced_group_id.map(|id| ReferencedSecurityGroup {
        group_id: Some(id),
        user_id: Some(account.clone()),
        vpc_id: Some(row.vpc_id),
        ..ReferencedSecurityGroup::default()
    });
    SecurityGroupRule {
        security_group_rule_arn: Some(scope.ec2_arn(ResourceKind::SecurityGroupRule, &row.id)),
        security_group_rule_id: Some(row.id),
        group_id: Some(row.group_id),
        group_owner_id: Some(account),
        is_egress: Some(row.is_egress),
        ip_protocol: Some(row.ip_protocol),
        from_port: Some(row.from_port),
        to_port: Some(row.to_port),
        cidr_ipv4: row.cidr_ipv4,
        cidr_ipv6: row.cidr_ipv6,
        prefix_list_id: None,
        referenced_group_info: referenced,
        description: row.description,
        tags: tags::shown(tags),
    }
}

/// A rule that was taken away.
pub fn revoked(row: RuleRow) -> RevokedSecurityGroupRule {
    RevokedSecurityGroupRule {
        security_group_rule_id: Some(row.id),
        group_id: Some(row.group_id),
        is_egress: Some(row.is_egress),
        ip_protocol: Some(row.ip_protocol),
        from_port: Some(row.from_port),
        to_port: Some(row.to_port),
        cidr_ipv4: row.cidr_ipv4,
        cidr_ipv6: row.cidr_ipv6,
        prefix_list_id: None,
        referenced_group_id: row.referenced_group_id,
        description: row.description,
    }
}

impl Filtered for SecurityGroupRule {
    const FIELDS: &'static [Field<Self>] = &[
        ("group-id", |rule| text(&rule.group_id)),
        ("security-group-rule-id", |rule| {
            text(&rule.security_group_rule_id)
        }),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for SecurityGroupRule {
    const KIND: ResourceKind = ResourceKind::SecurityGroupRule;

    fn id(&self) -> &str {
        self.security_group_rule_id.as_deref().unwrap_or_default()
    }
}
