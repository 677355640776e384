use aws_model::Nothing;
use aws_model::ec2::types::ReplaceRouteRequest;
use domain::network::ResourceKind;
use store::networks::route_tables::{self, RouteChange};

use crate::ec2::given;
use crate::ec2::routes::{self, Destination, Target};
use crate::{Context, Result};

/// ReplaceRoute: leads a route to another internet gateway.
pub async fn replace_route(cx: &Context, input: ReplaceRouteRequest) -> Result<Nothing> {
    given::id(ResourceKind::RouteTable, &input.route_table_id)?;
    let destination = routes::destination(Destination {
        ipv4: input.destination_cidr_block,
        ipv6: input.destination_ipv6_cidr_block,
        prefix_list: input.destination_prefix_list_id,
    })?;
    let target = routes::target(Target {
        gateway: input.gateway_id,
        local: input.local_target,
        unsupported: [
            ("VpcEndpointId", input.vpc_endpoint_id),
            ("TransitGatewayId", input.transit_gateway_id),
            ("LocalGatewayId", input.local_gateway_id),
            ("CarrierGatewayId", input.carrier_gateway_id),
            ("CoreNetworkArn", input.core_network_arn),
            ("OdbNetworkArn", input.odb_network_arn),
            (
                "EgressOnlyInternetGatewayId",
                input.egress_only_internet_gateway_id,
            ),
            ("InstanceId", input.instance_id),
            ("NetworkInterfaceId", input.network_interface_id),
            ("VpcPeeringConnectionId", input.vpc_peering_connection_id),
            ("NatGatewayId", input.nat_gateway_id),
        ],
    })?;
    let new = RouteChange {
        table: input.route_table_id,
        destination,
        target,
    };
    route_tables::replace_route(cx.db(), &cx.scope, &new).await?;
    Ok(Nothing {})
}
