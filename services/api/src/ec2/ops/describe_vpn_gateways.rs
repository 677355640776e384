use aws_model::ec2::types::{DescribeVpnGatewaysRequest, DescribeVpnGatewaysResult, Tag, VpnGateway};

use crate::ec2::filters::{Field, Filtered, Filters};
use crate::ec2::refusal;
use crate::error::Code;
use crate::{Context, Error, Result};

/// DescribeVpnGateways: there are none. The CDK asks when it looks a VPC up.
pub async fn describe_vpn_gateways(
    _cx: &Context,
    input: DescribeVpnGatewaysRequest,
) -> Result<DescribeVpnGatewaysResult> {
    Filters::<VpnGateway>::new(input.filters, true)?;
    if let Some(id) = input.vpn_gateway_ids.iter().flatten().next() {
        let text = format!("The vpnGateway ID '{}' does not exist", refusal::quoted(id));
        return Err(Error::new(Code::client("InvalidVpnGatewayID.NotFound"), text));
    }
    Ok(DescribeVpnGatewaysResult {
        vpn_gateways: Some(Vec::new()),
    })
}

/// None of them finds anything.
impl Filtered for VpnGateway {
    const FIELDS: &'static [Field<Self>] = &[
        ("amazon-side-asn", |_| Vec::new()),
        ("attachment.state", |_| Vec::new()),
        ("attachment.vpc-id", |_| Vec::new()),
        ("availability-zone", |_| Vec::new()),
        ("state", |_| Vec::new()),
        ("type", |_| Vec::new()),
        ("vpn-gateway-id", |_| Vec::new()),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}
