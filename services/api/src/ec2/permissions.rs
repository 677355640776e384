//! Rules of security groups as requests name them: permissions of a protocol, ports and several peers.

mod parts;

use aws_model::ec2::types::{IpPermission, IpRange, SecurityGroupRuleDescription, UserIdGroupPair};
use domain::network::ResourceKind;
use store::networks::security_group_rules::{self, Described, NewRule, Peer, Revoked};

use crate::ec2::{given, refusal};
use crate::error::Code;
use crate::{Context, Error, Result};

pub use parts::{description, ipv4, ipv6, is_description, ports, protocol};

/// A single rule in parameters of its own, beside `IpPermissions`.
#[derive(Debug, Clone, Default)]
pub struct Single {
    pub ip_protocol: Option<String>,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub cidr_ip: Option<String>,
    pub source_group_name: Option<String>,
    pub source_group_owner: Option<String>,
}

impl Single {
    fn is_given(&self) -> bool {
        let texts = [
            &self.ip_protocol,
            &self.cidr_ip,
            &self.source_group_name,
            &self.source_group_owner,
        ];
        texts.into_iter().any(Option::is_some) || self.from_port.is_some() || self.to_port.is_some()
    }

    /// Refuses them all: rules about what goes out are in `IpPermissions` only.
    pub fn refuse(&self) -> Result<()> {
        given::absent(&self.ip_protocol, "IpProtocol")?;
        given::absent(&self.from_port, "FromPort")?;
        given::absent(&self.to_port, "ToPort")?;
        given::absent(&self.cidr_ip, "CidrIp")?;
        given::absent(&self.source_group_name, "SourceSecurityGroupName")?;
        given::absent(&self.source_group_owner, "SourceSecurityGroupOwnerId")
    }

    fn permissions(self, cx: &Context) -> Result<Vec<IpPermission>> {
        let Some(group_name) = self.source_group_name else {
            return Ok(vec![IpPermission {
                ip_protocol: self.ip_protocol,
                from_port: self.from_port,
                to_port: self.to_port,
                ip_ranges: Some(vec![IpRange {
                    cidr_ip: self.cidr_ip,
                    description: None,
                }]),
                ..IpPermission::default()
            }]);
        };
        if self.ip_protocol.is_some() || self.cidr_ip.is_some() || self.from_port.or(self.to_port).is_some() {
            return Err(refusal::combination(
                "The parameter sourceSecurityGroupName cannot be used with cidrIp, ipProtocol, fromPort or toPort",
            ));
        }
        let pair = UserIdGroupPair {
            user_id: self
                .source_group_owner
                .or_else(|| Some(cx.scope.account.to_string())),
            group_name: Some(group_name),
            ..UserIdGroupPair::default()
        };
        // Such a rule lets all of these pass.
        let whole = [("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1)];
        Ok(whole
            .map(|(protocol, from, to)| IpPermission {
                ip_protocol: Some(protocol.to_owned()),
                from_port: Some(from),
                to_port: Some(to),
                user_id_group_pairs: Some(vec![pair.clone()]),
                ..IpPermission::default()
            })
            .into())
    }
}

/// The group that a request is about, by its id or, in the default VPC, its name.
pub async fn group(cx: &Context, id: Option<String>, name: Option<String>) -> Result<String> {
    match (id, name) {
        (Some(_), Some(_)) => Err(refusal::combination(
            "The parameters groupName and groupId cannot both be specified.",
        )),
        (Some(id), None) => given::id(ResourceKind::SecurityGroup, &id).map(|()| id),
        (None, Some(name)) => named(cx, &name).await,
        (None, None) => Err(refusal::missing("groupName or groupId")),
    }
}

/// The id of the default VPC's group of this name.
async fn named(cx: &Context, name: &str) -> Result<String> {
    let vpc = store::networks::default_vpc(cx.db(), &cx.scope)
        .await?
        .ok_or_else(|| Error::new(Code::client("VPCIdNotSpecified"), "No default VPC for this user"))?;
    let groups = store::networks::security_groups::list(cx.db(), &cx.scope).await?;
    groups
        .into_iter()
        .find(|group| group.vpc_id == vpc.id && group.name.eq_ignore_ascii_case(name))
        .map(|group| group.id)
        .ok_or_else(|| {
            let text = format!(
                "The security group '{}' does not exist in default VPC '{}'",
                refusal::quoted(name),
                vpc.id
            );
            Error::new(Code::client("InvalidGroup.NotFound"), text)
        })
}

/// The rules that a request names, one for each peer.
///
/// # Errors
/// MissingParameter when there are none; InvalidParameterValue for what is no rule, or named twice.
pub async fn rules(
    cx: &Context,
    permissions: Option<Vec<IpPermission>>,
    single: Single,
) -> Result<Vec<NewRule>> {
    let permissions = permissions.unwrap_or_default();
    let permissions = match (permissions.is_empty(), single.is_given()) {
        (false, true) => {
            return Err(refusal::combination(
                "The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'",
            ));
        }
        (true, true) => single.permissions(cx)?,
        (false, false) => permissions,
        (true, false) => return Err(refusal::missing("ipPermissions")),
    };
    let mut rules: Vec<NewRule> = Vec::new();
    for permission in permissions {
        for rule in of_permission(cx, permission).await? {
            if rules.iter().any(|other| same(other, &rule)) {
                return Err(refusal::invalid_value(
                    "The same permission must not appear multiple times",
                ));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// Takes rules away by their ids, or by what they say; not by both.
pub async fn revoke(
    cx: &Context,
    group: &str,
    is_egress: bool,
    ids: Option<Vec<String>>,
    permissions: Option<Vec<IpPermission>>,
    single: Single,
) -> Result<Revoked> {
    let Some(ids) = ids.filter(|ids| !ids.is_empty()) else {
        let asked = rules(cx, permissions, single).await?;
        return Ok(security_group_rules::revoke(cx.db(), &cx.scope, group, is_egress, &asked).await?);
    };
    if single.is_given() || permissions.is_some_and(|permissions| !permissions.is_empty()) {
        return Err(refusal::combination(
            "The parameter securityGroupRuleIds cannot be used with the parameter ipPermissions",
        ));
    }
    for (at, id) in ids.iter().enumerate() {
        given::id(ResourceKind::SecurityGroupRule, id)?;
        if ids[..at].contains(id) {
            return Err(refusal::invalid_value(
                "The same security group rule must not appear multiple times",
            ));
        }
    }
    Ok(security_group_rules::revoke_by_id(cx.db(), &cx.scope, group, is_egress, &ids).await?)
}

/// What is to be said of which rules, which are named by their ids or by what they say; not by both.
pub async fn descriptions(
    cx: &Context,
    by_id: Option<Vec<SecurityGroupRuleDescription>>,
    permissions: Option<Vec<IpPermission>>,
) -> Result<Vec<(Described, Option<String>)>> {
    let Some(by_id) = by_id.filter(|by_id| !by_id.is_empty()) else {
        let rules = rules(cx, permissions, Single::default()).await?;
        return Ok(rules
            .into_iter()
            .map(|rule| {
                let text = rule.description.clone();
                (Described::Like(rule), text)
            })
            .collect());
    };
    if permissions.is_some_and(|permissions| !permissions.is_empty()) {
        return Err(refusal::combination(
            "The parameter securityGroupRuleDescriptions cannot be used with the parameter ipPermissions",
        ));
    }
    by_id
        .into_iter()
        .map(|change| {
            let id = change
                .security_group_rule_id
                .ok_or_else(|| refusal::missing("securityGroupRuleId"))?;
            given::id(ResourceKind::SecurityGroupRule, &id)?;
            Ok((Described::ById(id), description(change.description)?))
        })
        .collect()
}

fn same(a: &NewRule, b: &NewRule) -> bool {
    a.ip_protocol == b.ip_protocol && (a.from_port, a.to_port) == (b.from_port, b.to_port) && a.peer == b.peer
}

async fn of_permission(cx: &Context, permission: IpPermission) -> Result<Vec<NewRule>> {
    given::empty(&permission.prefix_list_ids, "PrefixListIds")?;
    let ip_protocol = protocol(permission.ip_protocol.as_deref())?;
    let (from_port, to_port) = ports(&ip_protocol, permission.from_port, permission.to_port)?;
    let mut peers: Vec<(Peer, Option<String>)> = Vec::new();
    for range in permission.ip_ranges.unwrap_or_default() {
        let block = range.cidr_ip.ok_or_else(|| refusal::missing("cidrIp"))?;
        peers.push((ipv4(&block)?, range.description));
    }
    for range in permission.ipv6_ranges.unwrap_or_default() {
        let block = range.cidr_ipv6.ok_or_else(|| refusal::missing("cidrIpv6"))?;
        peers.push((ipv6(&block)?, range.description));
    }
    for pair in permission.user_id_group_pairs.unwrap_or_default() {
        let description = pair.description.clone();
        peers.push((Peer::Group(paired(cx, pair).await?), description));
    }
    if peers.is_empty() {
        return Err(refusal::missing("ipRanges, ipv6Ranges or userIdGroupPairs"));
    }
    peers
        .into_iter()
        .map(|(peer, text)| {
            Ok(NewRule {
                ip_protocol: ip_protocol.clone(),
                from_port,
                to_port,
                peer,
                description: description(text)?,
            })
        })
        .collect()
}

/// The group that a pair names, which is of this account.
async fn paired(cx: &Context, pair: UserIdGroupPair) -> Result<String> {
    given::absent(&pair.vpc_peering_connection_id, "VpcPeeringConnectionId")?;
    given::absent(&pair.peering_status, "PeeringStatus")?;
    if pair.user_id.is_some_and(|user| user != cx.scope.account.as_str()) {
        return Err(refusal::unsupported("UserId of another account"));
    }
    let id = group(cx, pair.group_id, pair.group_name).await?;
    if let Some(vpc) = pair.vpc_id {
        let ids = [id.clone()];
        let groups = store::networks::security_groups(cx.db(), &cx.scope, &ids).await?;
        if groups.first().is_some_and(|group| group.vpc_id != vpc) {
            return Err(store::networks::NetworkError::GroupsOfDifferentNetworks.into());
        }
    }
    Ok(id)
}
