use aws_model::ec2::types::{ReplaceNetworkAclAssociationRequest, ReplaceNetworkAclAssociationResult};
use domain::network::ResourceKind;
use store::networks::network_acls;

use crate::ec2::given;
use crate::{Context, Result};

/// ReplaceNetworkAclAssociation: another network ACL for a subnet.
pub async fn replace_network_acl_association(
    cx: &Context,
    input: ReplaceNetworkAclAssociationRequest,
) -> Result<ReplaceNetworkAclAssociationResult> {
    given::id(ResourceKind::NetworkAclAssociation, &input.association_id)?;
    given::id(ResourceKind::NetworkAcl, &input.network_acl_id)?;
    let (association, acl) = (&input.association_id, &input.network_acl_id);
    let id = network_acls::replace_association(cx.db(), &cx.scope, association, acl).await?;
    Ok(ReplaceNetworkAclAssociationResult {
        new_association_id: Some(id),
    })
}
