use aws_model::Nothing;
use aws_model::ec2::types::ReplaceNetworkAclEntryRequest;
use store::networks::network_acls;

use crate::ec2::acl_entries::{self, Entry};
use crate::{Context, Result};

/// ReplaceNetworkAclEntry.
pub async fn replace_network_acl_entry(
    cx: &Context,
    input: ReplaceNetworkAclEntryRequest,
) -> Result<Nothing> {
    let acl = input.network_acl_id.clone();
    let entry = acl_entries::checked(Entry {
        network_acl: input.network_acl_id,
        rule_number: input.rule_number,
        protocol: input.protocol,
        rule_action: input.rule_action,
        egress: input.egress,
        cidr_block: input.cidr_block,
        ipv6_cidr_block: input.ipv6_cidr_block,
        icmp_type_code: input.icmp_type_code,
        port_range: input.port_range,
    })?;
    network_acls::replace_entry(cx.db(), &cx.scope, &acl, &entry).await?;
    Ok(Nothing {})
}
