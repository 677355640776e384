use aws_model::Nothing;
use aws_model::ec2::types::DeleteRouteTableRequest;
use domain::network::ResourceKind;

use crate::ec2::given;
use crate::{Context, Result};

/// DeleteRouteTable: one that is not used.
pub async fn delete_route_table(cx: &Context, input: DeleteRouteTableRequest) -> Result<Nothing> {
    given::id(ResourceKind::RouteTable, &input.route_table_id)?;
    store::networks::route_tables::delete(cx.db(), &cx.scope, &input.route_table_id).await?;
    Ok(Nothing {})
}
