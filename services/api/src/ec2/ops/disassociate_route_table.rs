use aws_model::Nothing;
use aws_model::ec2::types::DisassociateRouteTableRequest;
use domain::network::ResourceKind;
use store::networks::route_tables;

use crate::ec2::given;
use crate::{Context, Result};

/// DisassociateRouteTable: the subnet uses its VPC's main route table again.
pub async fn disassociate_route_table(cx: &Context, input: DisassociateRouteTableRequest) -> Result<Nothing> {
    given::id(ResourceKind::RouteTableAssociation, &input.association_id)?;
    route_tables::disassociate(cx.db(), &cx.scope, &input.association_id).await?;
    Ok(Nothing {})
}
