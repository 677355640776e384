use aws_model::ec2::types::{CreateRouteTableRequest, CreateRouteTableResult};
use domain::network::ResourceKind;
use serde_json::json;
use store::networks::route_tables;
use store::tokens::Token;

use crate::ec2::view::route_table;
use crate::ec2::{given, refusal, tags};
use crate::{Context, Result};

const TOKEN_LIMIT: usize = 64;

/// CreateRouteTable: one with the local route only. The same client token makes one table.
pub async fn create_route_table(
    cx: &Context,
    input: CreateRouteTableRequest,
) -> Result<CreateRouteTableResult> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let client_token = input.client_token;
    if client_token
        .as_ref()
        .is_some_and(|token| token.len() > TOKEN_LIMIT || token.contains('\0'))
    {
        return Err(refusal::invalid_value(format!(
            "Client tokens have at most {TOKEN_LIMIT} ASCII characters."
        )));
    }
    let token = client_token.as_ref().map(|token| {
        let parameters = json!([input.vpc_id, input.tag_specifications]);
        Token::new(
            &cx.scope,
            "CreateRouteTable",
            token,
            parameters.to_string().as_bytes(),
        )
    });
    let tags = tags::of_new(ResourceKind::RouteTable, input.tag_specifications)?;
    let (db, scope) = (cx.db(), &cx.scope);
    let id = route_tables::create(db, scope, &input.vpc_id, &tags, token.as_ref(), cx.now()).await?;
    let tables = route_table::all(cx).await?;
    Ok(CreateRouteTableResult {
        route_table: tables
            .into_iter()
            .find(|table| table.route_table_id.as_ref() == Some(&id)),
        client_token,
    })
}
