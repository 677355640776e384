use aws_model::Nothing;
use aws_model::ec2::types::AttachInternetGatewayRequest;
use domain::network::ResourceKind;
use store::networks::internet_gateways;

use crate::ec2::given;
use crate::{Context, Result};

/// AttachInternetGateway: a VPC has at most one.
pub async fn attach_internet_gateway(cx: &Context, input: AttachInternetGatewayRequest) -> Result<Nothing> {
    given::id(ResourceKind::InternetGateway, &input.internet_gateway_id)?;
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let (gateway, vpc) = (&input.internet_gateway_id, &input.vpc_id);
    internet_gateways::attach(cx.db(), &cx.scope, gateway, vpc).await?;
    Ok(Nothing {})
}
