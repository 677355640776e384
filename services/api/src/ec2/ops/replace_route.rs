use aws_model::Nothing;
use aws_model::ec2::types::ReplaceRouteRequest;
use store::networks::route_tables;

use crate::ec2::routes;
use crate::{Context, Result};

/// ReplaceRoute: leads a route to another internet gateway.
pub async fn replace_route(cx: &Context, input: ReplaceRouteRequest) -> Result<Nothing> {
    let new = routes::asked!(input, local: input.local_target)?;
    route_tables::replace_route(cx.db(), &cx.scope, &new).await?;
    Ok(Nothing {})
}
