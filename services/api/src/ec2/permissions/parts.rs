//! What a rule is made of: protocol, ports, peers and description.

use domain::network::{Ipv4Cidr, Ipv6Cidr};
use store::networks::security_group_rules::Peer;

use crate::ec2::refusal;
use crate::{Error, Result};

const DESCRIPTION_LIMIT: usize = 255;

/// A protocol by its name if EC2 has one for it, else by its number; `-1` for all.
pub fn protocol(text: Option<&str>) -> Result<String> {
    let text = text.ok_or_else(|| refusal::missing("ipProtocol"))?.to_lowercase();
    let name = match text.as_str() {
        "-1" | "all" => "-1",
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        number => match number.parse::<u8>() {
            Ok(number) => return Ok(number.to_string()),
            Err(_) => {
                return Err(refusal::invalid_value(format!(
                    "Invalid value '{}' for IP protocol. Unknown protocol.",
                    refusal::quoted(number)
                )));
            }
        },
    };
    Ok(name.to_owned())
}

/// Ports of TCP and UDP, type and code of ICMP; other protocols have none, whatever is given.
pub fn ports(protocol: &str, from: Option<i32>, to: Option<i32>) -> Result<(i32, i32)> {
    match protocol {
        "tcp" | "udp" => {
            let (Some(from), Some(to)) = (from, to) else {
                return Err(refusal::invalid_value(
                    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
                ));
            };
            match 0 <= from && from <= to && to <= 65535 {
                true => Ok((from, to)),
                false => Err(refusal::invalid_value(format!(
                    "Invalid TCP/UDP port range ({from}:{to})"
                ))),
            }
        }
        "icmp" | "icmpv6" => {
            let (kind, code) = (from.unwrap_or(-1), to.unwrap_or(-1));
            match (-1..=255).contains(&kind) && (-1..=255).contains(&code) && (kind >= 0 || code < 0) {
                true => Ok((kind, code)),
                false => Err(refusal::invalid_value(format!(
                    "Invalid ICMP type/code ({kind}:{code})"
                ))),
            }
        }
        _ => Ok((-1, -1)),
    }
}

pub fn ipv4(text: &str) -> Result<Peer> {
    let block: Ipv4Cidr = text.parse().map_err(|_| malformed_block(text))?;
    Ok(Peer::Ipv4(block.to_string()))
}

pub fn ipv6(text: &str) -> Result<Peer> {
    let block: Ipv6Cidr = text.parse().map_err(|_| malformed_block(text))?;
    Ok(Peer::Ipv6(block.to_string()))
}

fn malformed_block(text: &str) -> Error {
    refusal::invalid_value(format!("CIDR block {} is malformed", refusal::quoted(text)))
}

/// A rule's description; an empty one is none.
pub fn description(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if !is_description(&text) => Err(refusal::invalid_value(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  \
             a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )),
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// True for what may describe rules and security groups.
pub fn is_description(text: &str) -> bool {
    text.len() <= DESCRIPTION_LIMIT
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ". _-:/()#,@[]+=&;{}!$*".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_names_where_ec2_has_them() {
        for (given, shown) in [
            ("TCP", "tcp"),
            ("6", "tcp"),
            ("17", "udp"),
            ("icmp", "icmp"),
            ("58", "icmpv6"),
            ("all", "-1"),
            ("-1", "-1"),
            ("50", "50"),
            ("0", "0"),
        ] {
            assert_eq!(protocol(Some(given)).unwrap(), shown);
        }
        for bad in ["", "256", "-2", "sctpx", "1.0"] {
            assert_eq!(
                protocol(Some(bad)).unwrap_err().code.name(),
                "InvalidParameterValue",
                "{bad}"
            );
        }
    }

    #[test]
    fn ports_are_those_that_the_protocol_has() {
        assert_eq!(ports("tcp", Some(0), Some(65535)).unwrap(), (0, 65535));
        assert_eq!(ports("icmp", None, None).unwrap(), (-1, -1));
        assert_eq!(ports("icmp", Some(8), Some(0)).unwrap(), (8, 0));
        assert_eq!(ports("-1", Some(80), Some(80)).unwrap(), (-1, -1));
        for (protocol, from, to) in [
            ("tcp", None, Some(80)),
            ("tcp", Some(81), Some(80)),
            ("udp", Some(-1), Some(80)),
            ("tcp", Some(1), Some(65536)),
            ("icmp", Some(-1), Some(0)),
            ("icmpv6", Some(256), Some(0)),
        ] {
            assert!(ports(protocol, from, to).is_err(), "{protocol} {from:?} {to:?}");
        }
    }
}
