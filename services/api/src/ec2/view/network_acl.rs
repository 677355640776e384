use aws_model::ec2::types::{NetworkAcl, NetworkAclAssociation, NetworkAclEntry, RuleAction, Tag};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::{NetworkAclRow, SubnetRow};

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// Number of the rule that lets everything pass.
const ALLOW: i32 = 100;
/// Number of the last rule, which stops what no other let pass.
const DENY: i32 = 32767;

/// All network ACLs: each VPC's default one.
pub async fn all(cx: &Context) -> Result<Vec<NetworkAcl>> {
    let rows = store::networks::network_acls::list(cx.db(), &cx.scope).await?;
    let subnets = store::networks::subnets::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::NetworkAcl,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            let subnets = subnets.iter().filter(|subnet| subnet.vpc_id == row.vpc_id);
            network_acl(&cx.scope, &row, subnets, tags)
        })
        .collect())
}

fn network_acl<'a>(
    scope: &Scope,
    row: &NetworkAclRow,
    subnets: impl Iterator<Item = &'a SubnetRow>,
    tags: Vec<store::tags::Tag>,
) -> NetworkAcl {
    let association = |subnet: &SubnetRow| NetworkAclAssociation {
        network_acl_association_id: Some(subnet.network_acl_association_id.clone()),
        network_acl_id: Some(row.id.clone()),
        subnet_id: Some(subnet.id.clone()),
    };
    let entries = [true, false].into_iter().flat_map(|egress| {
        [(ALLOW, RuleAction::Allow), (DENY, RuleAction::Deny)]
            .map(|(number, action)| entry(egress, number, action))
    });
    NetworkAcl {
        associations: Some(subnets.map(association).collect()),
        entries: Some(entries.collect()),
        is_default: Some(true),
        network_acl_id: Some(row.id.clone()),
        tags: tags::shown(tags),
        vpc_id: Some(row.vpc_id.clone()),
        owner_id: Some(scope.account.to_string()),
    }
}

fn entry(egress: bool, number: i32, action: RuleAction) -> NetworkAclEntry {
    NetworkAclEntry {
        cidr_block: Some("0.0.0.0/0".to_owned()),
        egress: Some(egress),
        protocol: Some("-1".to_owned()),
        rule_action: Some(action),
        rule_number: Some(number),
        ..NetworkAclEntry::default()
    }
}

impl Filtered for NetworkAcl {
    const FIELDS: &'static [Field<Self>] = &[
        ("association.association-id", |acl| {
            each(&acl.associations, |a| text(&a.network_acl_association_id))
        }),
        ("association.network-acl-id", |acl| {
            each(&acl.associations, |a| text(&a.network_acl_id))
        }),
        ("association.subnet-id", |acl| {
            each(&acl.associations, |a| text(&a.subnet_id))
        }),
        ("default", |acl| shown(&acl.is_default)),
        ("entry.cidr", |acl| {
            each(&acl.entries, |entry| text(&entry.cidr_block))
        }),
        ("entry.icmp.code", |_| Vec::new()),
        ("entry.icmp.type", |_| Vec::new()),
        ("entry.ipv6-cidr", |_| Vec::new()),
        ("entry.port-range.from", |_| Vec::new()),
        ("entry.port-range.to", |_| Vec::new()),
        ("entry.protocol", |acl| {
            each(&acl.entries, |entry| text(&entry.protocol))
        }),
        ("entry.rule-action", |acl| {
            each(&acl.entries, |entry| shown(&entry.rule_action))
        }),
        ("entry.egress", |acl| {
            each(&acl.entries, |entry| shown(&entry.egress))
        }),
        ("entry.rule-number", |acl| {
            each(&acl.entries, |entry| shown(&entry.rule_number))
        }),
        ("network-acl-id", |acl| text(&acl.network_acl_id)),
        ("owner-id", |acl| text(&acl.owner_id)),
        ("vpc-id", |acl| text(&acl.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for NetworkAcl {
    const KIND: ResourceKind = ResourceKind::NetworkAcl;

    fn id(&self) -> &str {
        self.network_acl_id.as_deref().unwrap_or_default()
    }
}
