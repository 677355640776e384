use aws_model::Nothing;
use aws_model::ec2::types::ModifySubnetAttributeRequest;
use domain::network::ResourceKind;
use store::networks::subnets::{self, SubnetChange};

use crate::ec2::given;
use crate::{Context, Result};

/// ModifySubnetAttribute: one attribute at a time. What only IPv6 and Outposts have stays off.
pub async fn modify_subnet_attribute(cx: &Context, input: ModifySubnetAttributeRequest) -> Result<Nothing> {
    given::id(ResourceKind::Subnet, &input.subnet_id)?;
    given::one_attribute(&[
        (
            "assignIpv6AddressOnCreation",
            input.assign_ipv6_address_on_creation.is_some(),
        ),
        ("mapPublicIpOnLaunch", input.map_public_ip_on_launch.is_some()),
        (
            "mapCustomerOwnedIpOnLaunch",
            input.map_customer_owned_ip_on_launch.is_some() || input.customer_owned_ipv4_pool.is_some(),
        ),
        ("enableDns64", input.enable_dns64.is_some()),
        (
            "privateDnsHostnameTypeOnLaunch",
            input.private_dns_hostname_type_on_launch.is_some(),
        ),
        (
            "enableResourceNameDnsARecordOnLaunch",
            input.enable_resource_name_dns_a_record_on_launch.is_some(),
        ),
        (
            "enableResourceNameDnsAAAARecordOnLaunch",
            input.enable_resource_name_dns_aaaa_record_on_launch.is_some(),
        ),
        (
            "enableLniAtDeviceIndex",
            input.enable_lni_at_device_index.is_some(),
        ),
        (
            "disableLniAtDeviceIndex",
            input.disable_lni_at_device_index.is_some(),
        ),
    ])?;
    for (value, name) in [
        (
            input.assign_ipv6_address_on_creation,
            "AssignIpv6AddressOnCreation",
        ),
        (
            input.map_customer_owned_ip_on_launch,
            "MapCustomerOwnedIpOnLaunch",
        ),
        (input.enable_dns64, "EnableDns64"),
        (
            input.enable_resource_name_dns_aaaa_record_on_launch,
            "EnableResourceNameDnsAAAARecordOnLaunch",
        ),
    ] {
        given::off(given::switch(value, name)?, name)?;
    }
    given::absent(&input.customer_owned_ipv4_pool, "CustomerOwnedIpv4Pool")?;
    given::absent(&input.enable_lni_at_device_index, "EnableLniAtDeviceIndex")?;
    let change = SubnetChange {
        map_public_ip_on_launch: given::switch(input.map_public_ip_on_launch, "mapPublicIpOnLaunch")?,
        hostname_type: input
            .private_dns_hostname_type_on_launch
            .map(|kind| kind.to_string()),
        resource_name_dns_a_record: given::switch(
            input.enable_resource_name_dns_a_record_on_launch,
            "enableResourceNameDnsARecordOnLaunch",
        )?,
    };
    subnets::change(cx.db(), &cx.scope, &input.subnet_id, &change).await?;
    Ok(Nothing {})
}
