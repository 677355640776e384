use aws_model::ec2::types::{AssociateRouteTableRequest, AssociateRouteTableResult};
use domain::network::ResourceKind;
use store::networks::route_tables;

use crate::ec2::view::route_table;
use crate::ec2::{given, refusal};
use crate::{Context, Result};

/// AssociateRouteTable: with a subnet.
pub async fn associate_route_table(
    cx: &Context,
    input: AssociateRouteTableRequest,
) -> Result<AssociateRouteTableResult> {
    given::id(ResourceKind::RouteTable, &input.route_table_id)?;
    given::absent(&input.gateway_id, "GatewayId")?;
    given::absent(&input.public_ipv4_pool, "PublicIpv4Pool")?;
    let subnet = input.subnet_id.ok_or_else(|| refusal::missing("subnetId"))?;
    given::id(ResourceKind::Subnet, &subnet)?;
    let id = route_tables::associate(cx.db(), &cx.scope, &input.route_table_id, &subnet).await?;
    Ok(AssociateRouteTableResult {
        association_id: Some(id),
        association_state: Some(route_table::associated()),
    })
}
