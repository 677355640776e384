use aws_model::ec2::types::{
    IcmpTypeCode, NetworkAcl, NetworkAclAssociation, NetworkAclEntry, PortRange, RuleAction, Tag,
};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::network_acls::{self, AclEntry};

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// Number of the last entry of each direction, which denies what no other let pass.
const LAST: i32 = 32767;

/// All network ACLs.
pub async fn all(cx: &Context) -> Result<Vec<NetworkAcl>> {
    let rows = network_acls::list(cx.db(), &cx.scope).await?;
    let ids = rows.iter().map(|row| row.id.as_str());
    let mut by_id = tags::by_id(cx, ResourceKind::NetworkAcl, ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            network_acl(&cx.scope, row, tags)
        })
        .collect())
}

fn network_acl(scope: &Scope, row: store::networks::NetworkAcl, tags: Vec<store::tags::Tag>) -> NetworkAcl {
    let association = |(association, subnet)| NetworkAclAssociation {
        network_acl_association_id: Some(association),
        network_acl_id: Some(row.id.clone()),
        subnet_id: Some(subnet),
    };
    let associations = row.associations.into_iter().map(association).collect();
    let (mut entries, ingress): (Vec<AclEntry>, Vec<AclEntry>) =
        row.entries.into_iter().partition(|entry| entry.egress);
    entries.push(last(true));
    entries.extend(ingress);
    entries.push(last(false));
    NetworkAcl {
        associations: Some(associations),
        entries: Some(entries.into_iter().map(entry).collect()),
        is_default: Some(row.is_default),
        network_acl_id: Some(row.id),
        tags: tags::shown(tags),
        vpc_id: Some(row.vpc_id),
        owner_id: Some(scope.account.to_string()),
    }
}

fn last(egress: bool) -> AclEntry {
    AclEntry {
        rule_number: LAST,
        allow: false,
        ..AclEntry::everything(egress)
    }
}

fn entry(row: AclEntry) -> NetworkAclEntry {
    let icmp = row.icmp_type.zip(row.icmp_code);
    let ports = row.from_port.zip(row.to_port);
    NetworkAclEntry {
        cidr_block: row.cidr_block,
        egress: Some(row.egress),
        icmp_type_code: icmp.map(|(kind, code)| IcmpTypeCode {
            code: Some(code),
            r#type: Some(kind),
        }),
        ipv6_cidr_block: row.ipv6_cidr_block,
        port_range: ports.map(|(from, to)| PortRange {
            from: Some(from),
            to: Some(to),
        }),
        protocol: Some(row.protocol),
        rule_action: Some(if row.allow {
            RuleAction::Allow
        } else {
            RuleAction::Deny
        }),
        rule_number: Some(row.rule_number),
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
        ("entry.icmp.code", |acl| {
            each(&acl.entries, |entry| {
                shown(&entry.icmp_type_code.as_ref().and_then(|icmp| icmp.code))
            })
        }),
        ("entry.icmp.type", |acl| {
            each(&acl.entries, |entry| {
                shown(&entry.icmp_type_code.as_ref().and_then(|icmp| icmp.r#type))
            })
        }),
        ("entry.ipv6-cidr", |acl| {
            each(&acl.entries, |entry| text(&entry.ipv6_cidr_block))
        }),
        ("entry.port-range.from", |acl| {
            each(&acl.entries, |entry| {
                shown(&entry.port_range.as_ref().and_then(|ports| ports.from))
            })
        }),
        ("entry.port-range.to", |acl| {
            each(&acl.entries, |entry| {
                shown(&entry.port_range.as_ref().and_then(|ports| ports.to))
            })
        }),
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
