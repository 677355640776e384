use aws_model::Nothing;
use aws_model::ec2::types::DeleteNetworkAclRequest;
use domain::network::ResourceKind;

use crate::ec2::given;
use crate::{Context, Result};

/// DeleteNetworkAcl: one that is not used, and not its VPC's default one.
pub async fn delete_network_acl(cx: &Context, input: DeleteNetworkAclRequest) -> Result<Nothing> {
    given::id(ResourceKind::NetworkAcl, &input.network_acl_id)?;
    store::networks::network_acls::delete(cx.db(), &cx.scope, &input.network_acl_id).await?;
    Ok(Nothing {})
}
