use aws_model::ec2::types::{CreateRouteTableRequest, CreateRouteTableResult};
use domain::network::ResourceKind;
use serde_json::json;
use store::networks::{NewPart, route_tables};

use crate::ec2::view::route_table;
use crate::ec2::{given, tags};
use crate::{Context, Result};

/// CreateRouteTable: one with the local route only. The same client token makes one table.
pub async fn create_route_table(
    cx: &Context,
    input: CreateRouteTableRequest,
) -> Result<CreateRouteTableResult> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let parameters = json!([input.vpc_id, input.tag_specifications]);
    let token = given::token(cx, "CreateRouteTable", input.client_token.as_deref(), &parameters)?;
    let tags = tags::of_new(ResourceKind::RouteTable, input.tag_specifications)?;
    let new = NewPart {
        vpc: &input.vpc_id,
        tags: &tags,
        token: token.as_ref(),
        now: cx.now(),
    };
    let id = route_tables::create(cx.db(), &cx.scope, &new).await?;
    let tables = route_table::all(cx).await?;
    Ok(CreateRouteTableResult {
        route_table: tables
            .into_iter()
            .find(|table| table.route_table_id.as_ref() == Some(&id)),
        client_token: input.client_token,
    })
}
