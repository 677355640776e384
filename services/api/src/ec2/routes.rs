//! Destinations and targets of routes as requests name them.

use domain::network::{Cidr, Ipv4Cidr, Ipv6Cidr, ResourceKind};
use store::networks::route_tables::RouteTarget;

use crate::Result;
use crate::ec2::{given, refusal};

/// Where a route applies: one of these.
pub struct Destination {
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
    pub prefix_list: Option<String>,
}

/// Where a route leads: one of these.
pub struct Target {
    pub gateway: Option<String>,
    pub local: Option<bool>,
    /// Parameters for what is not there, by their names.
    pub unsupported: [(&'static str, Option<String>); 11],
}

/// The block that a request names.
pub fn destination(given: Destination) -> Result<Cidr> {
    given::absent(&given.prefix_list, "DestinationPrefixListId")?;
    one_block(given, ["destinationCidrBlock", "destinationIpv6CidrBlock"])
}

/// The one block of either family, whose parameters have these names.
pub fn one_block(given: Destination, [ipv4, ipv6]: [&str; 2]) -> Result<Cidr> {
    match (given.ipv4, given.ipv6) {
        (Some(text), None) => match text.parse::<Ipv4Cidr>() {
            Ok(block) => Ok(Cidr::V4(block)),
            Err(_) => Err(refusal::not_a_block(&text, ipv4)),
        },
        (None, Some(text)) => match text.parse::<Ipv6Cidr>() {
            Ok(block) => Ok(Cidr::V6(block)),
            Err(_) => Err(refusal::not_a_block(&text, ipv6)),
        },
        (None, None) => Err(refusal::missing(&format!("{ipv4} or {ipv6}"))),
        (Some(_), Some(_)) => Err(refusal::combination(format!(
            "The parameter {ipv4} cannot be used with the parameter {ipv6}"
        ))),
    }
}

/// The target that a request names.
pub fn target(given: Target) -> Result<RouteTarget> {
    for (parameter, value) in &given.unsupported {
        given::absent(value, parameter)?;
    }
    match (given.gateway.as_deref(), given.local.unwrap_or_default()) {
        (Some("local"), false) | (None, true) => Ok(RouteTarget::Local),
        (Some(id), false) => {
            given::id(ResourceKind::InternetGateway, id)?;
            Ok(RouteTarget::InternetGateway(id.to_owned()))
        }
        (None, false) => Err(refusal::missing("gatewayId")),
        (Some(_), true) => Err(refusal::combination(
            "The parameter gatewayId cannot be used with the parameter localTarget",
        )),
    }
}
