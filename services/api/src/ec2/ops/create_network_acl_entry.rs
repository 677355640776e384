use aws_model::Nothing;
use aws_model::ec2::types::CreateNetworkAclEntryRequest;
use store::networks::network_acls;

use crate::ec2::acl_entries;
use crate::{Context, Result};

/// CreateNetworkAclEntry.
pub async fn create_network_acl_entry(cx: &Context, input: CreateNetworkAclEntryRequest) -> Result<Nothing> {
    let acl = input.network_acl_id.clone();
    let entry = acl_entries::asked!(input)?;
    network_acls::create_entry(cx.db(), &cx.scope, &acl, &entry).await?;
    Ok(Nothing {})
}
