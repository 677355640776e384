use aws_model::Nothing;
use aws_model::ec2::types::DetachInternetGatewayRequest;
use domain::network::ResourceKind;
use store::networks::internet_gateways;

use crate::ec2::given;
use crate::{Context, Result};

/// DetachInternetGateway: routes to it become blackholes.
pub async fn detach_internet_gateway(cx: &Context, input: DetachInternetGatewayRequest) -> Result<Nothing> {
    given::id(ResourceKind::InternetGateway, &input.internet_gateway_id)?;
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let (gateway, vpc) = (&input.internet_gateway_id, &input.vpc_id);
    internet_gateways::detach(cx.db(), &cx.scope, gateway, vpc).await?;
    Ok(Nothing {})
}
