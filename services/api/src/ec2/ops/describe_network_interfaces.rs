use aws_model::ec2::types::{DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult};

use crate::ec2::selection::Selection;
use crate::ec2::view::network_interface;
use crate::{Context, Result};

/// DescribeNetworkInterfaces. All that there are are shown, with or without `IncludeManagedResources`.
pub async fn describe_network_interfaces(
    cx: &Context,
    input: DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResult> {
    let selection = Selection {
        ids: input.network_interface_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
    };
    let (items, next_token) = selection.of(network_interface::all(cx).await?)?;
    Ok(DescribeNetworkInterfacesResult {
        network_interfaces: Some(items),
        next_token,
    })
}
