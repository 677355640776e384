use aws_model::Nothing;
use aws_model::ec2::types::ModifyVpcAttributeRequest;
use domain::network::ResourceKind;
use store::networks::vpcs::{self, VpcChange};

use crate::ec2::given;
use crate::{Context, Result};

/// ModifyVpcAttribute: one attribute at a time.
pub async fn modify_vpc_attribute(cx: &Context, input: ModifyVpcAttributeRequest) -> Result<Nothing> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    given::one_attribute(&[
        ("enableDnsHostnames", input.enable_dns_hostnames.is_some()),
        ("enableDnsSupport", input.enable_dns_support.is_some()),
        (
            "enableNetworkAddressUsageMetrics",
            input.enable_network_address_usage_metrics.is_some(),
        ),
    ])?;
    let change = VpcChange {
        enable_dns_support: given::switch(input.enable_dns_support, "enableDnsSupport")?,
        enable_dns_hostnames: given::switch(input.enable_dns_hostnames, "enableDnsHostnames")?,
        network_address_usage_metrics: given::switch(
            input.enable_network_address_usage_metrics,
            "enableNetworkAddressUsageMetrics",
        )?,
    };
    vpcs::change(cx.db(), &cx.scope, &input.vpc_id, change).await?;
    Ok(Nothing {})
}
