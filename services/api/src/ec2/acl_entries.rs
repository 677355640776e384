//! Entries of network ACLs as requests name them.

use aws_model::ec2::types::{IcmpTypeCode, PortRange, RuleAction};
use domain::network::{Cidr, ResourceKind};
use store::networks::network_acls::AclEntry;

use crate::Result;
use crate::ec2::routes::{self, Destination};
use crate::ec2::{given, refusal};

/// What CreateNetworkAclEntry and ReplaceNetworkAclEntry take.
pub struct Entry {
    pub network_acl: String,
    pub rule_number: i32,
    pub protocol: String,
    pub rule_action: RuleAction,
    pub egress: bool,
    pub cidr_block: Option<String>,
    pub ipv6_cidr_block: Option<String>,
    pub icmp_type_code: Option<IcmpTypeCode>,
    pub port_range: Option<PortRange>,
}

/// The entry that a request of CreateNetworkAclEntry or ReplaceNetworkAclEntry asks for: they have the same parameters.
///
/// # Errors
/// As [`checked`].
macro_rules! asked {
    ($input:ident) => {
        $crate::ec2::acl_entries::checked($crate::ec2::acl_entries::Entry {
            network_acl: $input.network_acl_id,
            rule_number: $input.rule_number,
            protocol: $input.protocol,
            rule_action: $input.rule_action,
            egress: $input.egress,
            cidr_block: $input.cidr_block,
            ipv6_cidr_block: $input.ipv6_cidr_block,
            icmp_type_code: $input.icmp_type_code,
            port_range: $input.port_range,
        })
    };
}
pub(crate) use asked;

/// An entry that an ACL can have. Ports and types of protocols that have none say nothing and are left out, as on AWS.
pub fn checked(entry: Entry) -> Result<AclEntry> {
    given::id(ResourceKind::NetworkAcl, &entry.network_acl)?;
    rule_number(entry.rule_number)?;
    let block = routes::one_block(
        Destination {
            ipv4: entry.cidr_block,
            ipv6: entry.ipv6_cidr_block,
            prefix_list: None,
        },
        ["cidrBlock", "ipv6CidrBlock"],
    )?;
    let (cidr_block, ipv6_cidr_block) = match block {
        Cidr::V4(block) => (Some(block.to_string()), None),
        Cidr::V6(block) => (None, Some(block.to_string())),
    };
    let protocol = protocol(&entry.protocol)?;
    let (mut ports, mut icmp) = (None, None);
    match protocol.as_str() {
        "6" | "17" => ports = Some(port_range(entry.port_range)?),
        "1" | "58" => icmp = Some(icmp_type_code(entry.icmp_type_code)?),
        _ => {}
    }
    Ok(AclEntry {
        egress: entry.egress,
        rule_number: entry.rule_number,
        allow: entry.rule_action == RuleAction::Allow,
        protocol,
        cidr_block,
        ipv6_cidr_block,
        icmp_type: icmp.map(|(kind, _)| kind),
        icmp_code: icmp.map(|(_, code)| code),
        from_port: ports.map(|(from, _)| from),
        to_port: ports.map(|(_, to)| to),
    })
}

/// Numbers that entries can have; the one after them is that of the last entry.
pub fn rule_number(number: i32) -> Result<()> {
    match number {
        1..=32766 => Ok(()),
        _ => Err(refusal::invalid_value(format!(
            "Value ({number}) for parameter ruleNumber is invalid. Rule numbers are from 1 to 32766."
        ))),
    }
}

/// A protocol by its number; `-1` for all.
fn protocol(text: &str) -> Result<String> {
    let number = match text.to_lowercase().as_str() {
        "-1" | "all" => "-1".to_owned(),
        "icmp" => "1".to_owned(),
        "tcp" => "6".to_owned(),
        "udp" => "17".to_owned(),
        "icmpv6" => "58".to_owned(),
        number => match number.parse::<u8>() {
            Ok(number) => number.to_string(),
            Err(_) => {
                return Err(refusal::invalid_value(format!(
                    "Invalid value '{}' for IP protocol. Unknown protocol.",
                    refusal::quoted(number)
                )));
            }
        },
    };
    Ok(number)
}

fn port_range(range: Option<PortRange>) -> Result<(i32, i32)> {
    let range = range.ok_or_else(|| refusal::missing("portRange"))?;
    let (Some(from), Some(to)) = (range.from, range.to) else {
        return Err(refusal::missing("portRange.from and portRange.to"));
    };
    match 0 <= from && from <= to && to <= 65535 {
        true => Ok((from, to)),
        false => Err(refusal::invalid_value(format!(
            "Invalid TCP/UDP port range ({from}:{to})"
        ))),
    }
}

fn icmp_type_code(given: Option<IcmpTypeCode>) -> Result<(i32, i32)> {
    let given = given.ok_or_else(|| refusal::missing("icmpTypeCode"))?;
    let (kind, code) = (given.r#type.unwrap_or(-1), given.code.unwrap_or(-1));
    match (-1..=255).contains(&kind) && (-1..=255).contains(&code) {
        true => Ok((kind, code)),
        false => Err(refusal::invalid_value(format!(
            "Invalid ICMP type/code ({kind}:{code})"
        ))),
    }
}
