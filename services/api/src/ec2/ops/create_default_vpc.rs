use aws_model::ec2::types::{CreateDefaultVpcRequest, CreateDefaultVpcResult};

use crate::ec2::view::vpc;
use crate::{Context, Result};

/// CreateDefaultVpc: the default VPC again, after it was deleted.
pub async fn create_default_vpc(
    cx: &Context,
    _input: CreateDefaultVpcRequest,
) -> Result<CreateDefaultVpcResult> {
    let row = store::networks::create_default_vpc(cx.db(), &cx.scope).await?;
    Ok(CreateDefaultVpcResult {
        vpc: Some(vpc::vpc(&cx.scope, row, Vec::new())),
    })
}
