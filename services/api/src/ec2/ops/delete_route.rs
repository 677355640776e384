use aws_model::Nothing;
use aws_model::ec2::types::DeleteRouteRequest;
use domain::network::ResourceKind;
use store::networks::route_tables;

use crate::ec2::given;
use crate::ec2::routes::{self, Destination};
use crate::{Context, Result};

/// DeleteRoute: any but the local one.
pub async fn delete_route(cx: &Context, input: DeleteRouteRequest) -> Result<Nothing> {
    given::id(ResourceKind::RouteTable, &input.route_table_id)?;
    let destination = routes::destination(Destination {
        ipv4: input.destination_cidr_block,
        ipv6: input.destination_ipv6_cidr_block,
        prefix_list: input.destination_prefix_list_id,
    })?;
    route_tables::delete_route(cx.db(), &cx.scope, &input.route_table_id, destination).await?;
    Ok(Nothing {})
}
