use std::collections::BTreeMap;

use aws_model::ec2::types::{IpPermission, IpRange, Ipv6Range, SecurityGroup, Tag, UserIdGroupPair};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::SecurityGroupRow;
use store::networks::security_group_rules::{NewRule, Peer, RuleRow};

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All security groups with their rules.
pub async fn all(cx: &Context) -> Result<Vec<SecurityGroup>> {
    let rows = store::networks::security_groups::list(cx.db(), &cx.scope).await?;
    let mut rules: BTreeMap<String, Vec<RuleRow>> = BTreeMap::new();
    for rule in store::networks::security_group_rules::list(cx.db(), &cx.scope).await? {
        rules.entry(rule.group_id.clone()).or_default().push(rule);
    }
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::SecurityGroup,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let rules = rules.remove(&row.id).unwrap_or_default();
            let tags = by_id.remove(&row.id).unwrap_or_default();
            security_group(&cx.scope, row, rules, tags)
        })
        .collect())
}

fn security_group(
    scope: &Scope,
    row: SecurityGroupRow,
    rules: Vec<RuleRow>,
    tags: Vec<store::tags::Tag>,
) -> SecurityGroup {
    let (egress, ingress): (Vec<RuleRow>, Vec<RuleRow>) = rules.into_iter().partition(|rule| rule.is_egress);
    SecurityGroup {
        security_group_arn: Some(scope.ec2_arn(ResourceKind::SecurityGroup, &row.id)),
        group_id: Some(row.id),
        ip_permissions_egress: Some(permissions(scope, egress.into_iter().map(rule))),
        ip_permissions: Some(permissions(scope, ingress.into_iter().map(rule))),
        tags: tags::shown(tags),
        vpc_id: Some(row.vpc_id),
        owner_id: Some(scope.account.to_string()),
        group_name: Some(row.name),
        description: Some(row.description),
    }
}

fn rule(row: RuleRow) -> NewRule {
    NewRule {
        peer: row.peer(),
        ip_protocol: row.ip_protocol,
        from_port: row.from_port,
        to_port: row.to_port,
        description: row.description,
    }
}

/// Rules as permissions: those of the same protocol and ports together.
pub fn permissions(scope: &Scope, rules: impl Iterator<Item = NewRule>) -> Vec<IpPermission> {
    let mut permissions: Vec<IpPermission> = Vec::new();
    for rule in rules {
        let has_ports = matches!(rule.ip_protocol.as_str(), "tcp" | "udp" | "icmp" | "icmpv6");
        let ports = has_ports.then_some((rule.from_port, rule.to_port));
        let same = permissions.iter().position(|permission| {
            permission.ip_protocol.as_ref() == Some(&rule.ip_protocol)
                && permission.from_port.zip(permission.to_port) == ports
        });
        let index = same.unwrap_or_else(|| {
            permissions.push(IpPermission {
                ip_protocol: Some(rule.ip_protocol.clone()),
                from_port: ports.map(|(from, _)| from),
                to_port: ports.map(|(_, to)| to),
                user_id_group_pairs: Some(Vec::new()),
                ip_ranges: Some(Vec::new()),
                ipv6_ranges: Some(Vec::new()),
                prefix_list_ids: Some(Vec::new()),
            });
            permissions.len() - 1
        });
        add(scope, &mut permissions[index], rule);
    }
    permissions
}

fn add(scope: &Scope, permission: &mut IpPermission, rule: NewRule) {
    let description = rule.description;
    match rule.peer {
        Peer::Ipv4(block) => permission.ip_ranges.get_or_insert_default().push(IpRange {
            description,
            cidr_ip: Some(block),
        }),
        Peer::Ipv6(block) => permission.ipv6_ranges.get_or_insert_default().push(Ipv6Range {
            description,
            cidr_ipv6: Some(block),
        }),
        Peer::Group(id) => permission
            .user_id_group_pairs
            .get_or_insert_default()
            .push(UserIdGroupPair {
                description,
                user_id: Some(scope.account.to_string()),
                group_id: Some(id),
                ..UserIdGroupPair::default()
            }),
    }
}

fn ipv4(permission: &IpPermission) -> Vec<String> {
    each(&permission.ip_ranges, |range| text(&range.cidr_ip))
}

fn ipv6(permission: &IpPermission) -> Vec<String> {
    each(&permission.ipv6_ranges, |range| text(&range.cidr_ipv6))
}

fn groups(permission: &IpPermission) -> Vec<String> {
    each(&permission.user_id_group_pairs, |pair| text(&pair.group_id))
}

fn group_names(permission: &IpPermission) -> Vec<String> {
    each(&permission.user_id_group_pairs, |pair| text(&pair.group_name))
}

fn users(permission: &IpPermission) -> Vec<String> {
    each(&permission.user_id_group_pairs, |pair| text(&pair.user_id))
}

impl Filtered for SecurityGroup {
    const FIELDS: &'static [Field<Self>] = &[
        ("description", |group| text(&group.description)),
        ("egress.ip-permission.cidr", |group| {
            each(&group.ip_permissions_egress, ipv4)
        }),
        ("egress.ip-permission.from-port", |group| {
            each(&group.ip_permissions_egress, |permission| {
                shown(&permission.from_port)
            })
        }),
        ("egress.ip-permission.group-id", |group| {
            each(&group.ip_permissions_egress, groups)
        }),
        ("egress.ip-permission.group-name", |group| {
            each(&group.ip_permissions_egress, group_names)
        }),
        ("egress.ip-permission.ipv6-cidr", |group| {
            each(&group.ip_permissions_egress, ipv6)
        }),
        ("egress.ip-permission.prefix-list-id", |_| Vec::new()),
        ("egress.ip-permission.protocol", |group| {
            each(&group.ip_permissions_egress, |permission| {
                text(&permission.ip_protocol)
            })
        }),
        ("egress.ip-permission.to-port", |group| {
            each(&group.ip_permissions_egress, |permission| {
                shown(&permission.to_port)
            })
        }),
        ("egress.ip-permission.user-id", |group| {
            each(&group.ip_permissions_egress, users)
        }),
        ("group-id", |group| text(&group.group_id)),
        ("group-name", |group| text(&group.group_name)),
        ("ip-permission.cidr", |group| each(&group.ip_permissions, ipv4)),
        ("ip-permission.from-port", |group| {
            each(&group.ip_permissions, |permission| shown(&permission.from_port))
        }),
        ("ip-permission.group-id", |group| {
            each(&group.ip_permissions, groups)
        }),
        ("ip-permission.group-name", |group| {
            each(&group.ip_permissions, group_names)
        }),
        ("ip-permission.ipv6-cidr", |group| {
            each(&group.ip_permissions, ipv6)
        }),
        ("ip-permission.prefix-list-id", |_| Vec::new()),
        ("ip-permission.protocol", |group| {
            each(&group.ip_permissions, |permission| text(&permission.ip_protocol))
        }),
        ("ip-permission.to-port", |group| {
            each(&group.ip_permissions, |permission| shown(&permission.to_port))
        }),
        ("ip-permission.user-id", |group| {
            each(&group.ip_permissions, users)
        }),
        ("owner-id", |group| text(&group.owner_id)),
        ("vpc-id", |group| text(&group.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for SecurityGroup {
    const KIND: ResourceKind = ResourceKind::SecurityGroup;

    fn id(&self) -> &str {
        self.group_id.as_deref().unwrap_or_default()
    }
}
