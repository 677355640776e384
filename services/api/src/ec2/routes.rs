//! Destinations and targets of routes as requests name them.

use domain::network::{Cidr, Ipv4Cidr, Ipv6Cidr, ResourceKind};
use store::networks::route_tables::{RouteChange, RouteTarget};

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

/// The change that a request of CreateRoute or ReplaceRoute asks for: they have the same parameters, but only one has a `LocalTarget`.
///
/// # Errors
/// As [`change`].
macro_rules! asked {
    ($input:ident, local: $local:expr) => {
        $crate::ec2::routes::change(
            $input.route_table_id,
            $crate::ec2::routes::Destination {
                ipv4: $input.destination_cidr_block,
                ipv6: $input.destination_ipv6_cidr_block,
                prefix_list: $input.destination_prefix_list_id,
            },
            $crate::ec2::routes::Target {
                gateway: $input.gateway_id,
                local: $local,
                unsupported: [
                    ("VpcEndpointId", $input.vpc_endpoint_id),
                    ("TransitGatewayId", $input.transit_gateway_id),
                    ("LocalGatewayId", $input.local_gateway_id),
                    ("CarrierGatewayId", $input.carrier_gateway_id),
                    ("CoreNetworkArn", $input.core_network_arn),
                    ("OdbNetworkArn", $input.odb_network_arn),
                    (
                        "EgressOnlyInternetGatewayId",
                        $input.egress_only_internet_gateway_id,
                    ),
                    ("InstanceId", $input.instance_id),
                    ("NetworkInterfaceId", $input.network_interface_id),
                    ("VpcPeeringConnectionId", $input.vpc_peering_connection_id),
                    ("NatGatewayId", $input.nat_gateway_id),
                ],
            },
        )
    };
}
pub(crate) use asked;

/// The route of a table that is to lead elsewhere.
///
/// # Errors
/// InvalidRouteTableId.Malformed, and what is said of destinations and targets that are none.
pub fn change(table: String, to: Destination, by: Target) -> Result<RouteChange> {
    given::id(ResourceKind::RouteTable, &table)?;
    Ok(RouteChange {
        destination: destination(to)?,
        target: target(by)?,
        table,
    })
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
fn target(given: Target) -> Result<RouteTarget> {
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
