use aws_model::ec2::types::{ReplaceRouteTableAssociationRequest, ReplaceRouteTableAssociationResult};
use domain::network::ResourceKind;
use store::networks::route_tables;

use crate::ec2::given;
use crate::ec2::view::route_table;
use crate::{Context, Result};

/// ReplaceRouteTableAssociation: another route table for a subnet, or as the VPC's main one.
pub async fn replace_route_table_association(
    cx: &Context,
    input: ReplaceRouteTableAssociationRequest,
) -> Result<ReplaceRouteTableAssociationResult> {
    given::id(ResourceKind::RouteTableAssociation, &input.association_id)?;
    given::id(ResourceKind::RouteTable, &input.route_table_id)?;
    let (association, table) = (&input.association_id, &input.route_table_id);
    let id = route_tables::replace_association(cx.db(), &cx.scope, association, table).await?;
    Ok(ReplaceRouteTableAssociationResult {
        new_association_id: Some(id),
        association_state: Some(route_table::associated()),
    })
}
