use aws_model::Nothing;
use aws_model::ec2::types::DeleteVpcRequest;
use domain::network::ResourceKind;

use crate::ec2::given;
use crate::{Context, Result};

/// DeleteVpc: a VPC that holds nothing but what it came with.
pub async fn delete_vpc(cx: &Context, input: DeleteVpcRequest) -> Result<Nothing> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    store::networks::vpcs::delete(cx.db(), &cx.scope, &input.vpc_id).await?;
    Ok(Nothing {})
}
