use aws_model::Nothing;
use aws_model::ec2::types::DeleteSubnetRequest;
use domain::network::ResourceKind;

use crate::ec2::given;
use crate::{Context, Result};

/// DeleteSubnet: a subnet that nothing is in.
pub async fn delete_subnet(cx: &Context, input: DeleteSubnetRequest) -> Result<Nothing> {
    given::id(ResourceKind::Subnet, &input.subnet_id)?;
    store::networks::subnets::delete(cx.db(), &cx.scope, &input.subnet_id).await?;
    Ok(Nothing {})
}
