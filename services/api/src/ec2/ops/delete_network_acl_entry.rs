use aws_model::Nothing;
use aws_model::ec2::types::DeleteNetworkAclEntryRequest;
use domain::network::ResourceKind;
use store::networks::network_acls;

use crate::ec2::{acl_entries, given};
use crate::{Context, Result};

/// DeleteNetworkAclEntry: any but the last one of each direction.
pub async fn delete_network_acl_entry(cx: &Context, input: DeleteNetworkAclEntryRequest) -> Result<Nothing> {
    given::id(ResourceKind::NetworkAcl, &input.network_acl_id)?;
    acl_entries::rule_number(input.rule_number)?;
    let (acl, number) = (&input.network_acl_id, input.rule_number);
    network_acls::delete_entry(cx.db(), &cx.scope, acl, input.egress, number).await?;
    Ok(Nothing {})
}
