use aws_model::ec2::types::{CreateRouteRequest, CreateRouteResult};
use store::networks::route_tables;

use crate::ec2::routes;
use crate::{Context, Result};

/// CreateRoute: to an internet gateway.
pub async fn create_route(cx: &Context, input: CreateRouteRequest) -> Result<CreateRouteResult> {
    let new = routes::asked!(input, local: None)?;
    route_tables::create_route(cx.db(), &cx.scope, &new).await?;
    Ok(CreateRouteResult { r#return: Some(true) })
}
