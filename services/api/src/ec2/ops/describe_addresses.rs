use aws_model::ec2::types::{Address, DescribeAddressesRequest, DescribeAddressesResult, Tag};

use crate::ec2::filters::{Field, Filtered, Filters};
use crate::ec2::refusal;
use crate::error::Code;
use crate::{Context, Error, Result};

/// DescribeAddresses: there are no elastic addresses.
pub async fn describe_addresses(
    _cx: &Context,
    input: DescribeAddressesRequest,
) -> Result<DescribeAddressesResult> {
    Filters::<Address>::new(input.filters, true)?;
    if let Some(id) = input.allocation_ids.iter().flatten().next() {
        let text = format!("The allocation ID '{}' does not exist", refusal::quoted(id));
        return Err(Error::new(Code::client("InvalidAllocationID.NotFound"), text));
    }
    if let Some(address) = input.public_ips.iter().flatten().next() {
        let text = format!("Address '{}' not found.", refusal::quoted(address));
        return Err(Error::new(Code::client("InvalidAddress.NotFound"), text));
    }
    Ok(DescribeAddressesResult {
        addresses: Some(Vec::new()),
    })
}

/// None of them finds anything.
impl Filtered for Address {
    const FIELDS: &'static [Field<Self>] = &[
        ("allocation-id", |_| Vec::new()),
        ("association-id", |_| Vec::new()),
        ("domain", |_| Vec::new()),
        ("instance-id", |_| Vec::new()),
        ("network-border-group", |_| Vec::new()),
        ("network-interface-id", |_| Vec::new()),
        ("network-interface-owner-id", |_| Vec::new()),
        ("private-ip-address", |_| Vec::new()),
        ("public-ip", |_| Vec::new()),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}
