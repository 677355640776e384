use aws_model::ec2::types::{CreateInternetGatewayRequest, CreateInternetGatewayResult};
use domain::network::ResourceKind;
use store::networks::internet_gateways;

use crate::ec2::tags;
use crate::ec2::view::internet_gateway::internet_gateway;
use crate::{Context, Result};

/// CreateInternetGateway: one that is not attached yet.
pub async fn create_internet_gateway(
    cx: &Context,
    input: CreateInternetGatewayRequest,
) -> Result<CreateInternetGatewayResult> {
    let tags = tags::of_new(ResourceKind::InternetGateway, input.tag_specifications)?;
    let row = internet_gateways::create(cx.db(), &cx.scope, &tags).await?;
    Ok(CreateInternetGatewayResult {
        internet_gateway: Some(internet_gateway(&cx.scope, row, tags)),
    })
}
