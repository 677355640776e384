use aws_model::Nothing;
use aws_model::ec2::types::ReplaceNetworkAclEntryRequest;
use store::networks::network_acls;

use crate::ec2::acl_entries;
use crate::{Context, Result};

/// ReplaceNetworkAclEntry.
pub async fn replace_network_acl_entry(
    cx: &Context,
    input: ReplaceNetworkAclEntryRequest,
) -> Result<Nothing> {
    let acl = input.network_acl_id.clone();
    let entry = acl_entries::asked!(input)?;
    network_acls::replace_entry(cx.db(), &cx.scope, &acl, &entry).await?;
    Ok(Nothing {})
}
