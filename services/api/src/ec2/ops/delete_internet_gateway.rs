use aws_model::Nothing;
use aws_model::ec2::types::DeleteInternetGatewayRequest;
use domain::network::ResourceKind;

use crate::ec2::given;
use crate::{Context, Result};

/// DeleteInternetGateway: one that is attached to no VPC.
pub async fn delete_internet_gateway(cx: &Context, input: DeleteInternetGatewayRequest) -> Result<Nothing> {
    given::id(ResourceKind::InternetGateway, &input.internet_gateway_id)?;
    store::networks::internet_gateways::delete(cx.db(), &cx.scope, &input.internet_gateway_id).await?;
    Ok(Nothing {})
}
