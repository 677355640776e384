use aws_model::ec2::types::{
    AttributeBooleanValue, DescribeVpcAttributeRequest, DescribeVpcAttributeResult, VpcAttributeName,
};
use domain::network::ResourceKind;
use store::networks::NetworkError;

use crate::ec2::given;
use crate::{Context, Result};

/// DescribeVpcAttribute.
pub async fn describe_vpc_attribute(
    cx: &Context,
    input: DescribeVpcAttributeRequest,
) -> Result<DescribeVpcAttributeResult> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let vpcs = store::networks::vpcs::list(cx.db(), &cx.scope).await?;
    let vpc = vpcs
        .into_iter()
        .find(|vpc| vpc.id == input.vpc_id)
        .ok_or_else(|| NetworkError::not_found(ResourceKind::Vpc, &input.vpc_id))?;
    let shown =
        |name, value| (input.attribute == name).then_some(AttributeBooleanValue { value: Some(value) });
    Ok(DescribeVpcAttributeResult {
        enable_dns_support: shown(VpcAttributeName::EnableDnsSupport, vpc.enable_dns_support),
        enable_dns_hostnames: shown(VpcAttributeName::EnableDnsHostnames, vpc.enable_dns_hostnames),
        enable_network_address_usage_metrics: shown(
            VpcAttributeName::EnableNetworkAddressUsageMetrics,
            vpc.network_address_usage_metrics,
        ),
        vpc_id: Some(vpc.id),
    })
}
