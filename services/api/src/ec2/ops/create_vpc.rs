use aws_model::ec2::types::{CreateVpcRequest, CreateVpcResult, Tenancy};
use domain::network::ResourceKind;
use store::networks::vpcs::NewVpc;

use crate::ec2::view::vpc;
use crate::ec2::{given, refusal, tags};
use crate::error::Code;
use crate::{Context, Error, Result};

/// CreateVpc: a VPC with its main route table, network ACL and security group.
pub async fn create_vpc(cx: &Context, input: CreateVpcRequest) -> Result<CreateVpcResult> {
    given::off(
        input.amazon_provided_ipv6_cidr_block,
        "AmazonProvidedIpv6CidrBlock",
    )?;
    given::absent(&input.ipv6_cidr_block, "Ipv6CidrBlock")?;
    given::absent(&input.ipv6_pool, "Ipv6Pool")?;
    given::absent(
        &input.ipv6_cidr_block_network_border_group,
        "Ipv6CidrBlockNetworkBorderGroup",
    )?;
    given::absent(&input.ipv4_ipam_pool_id, "Ipv4IpamPoolId")?;
    given::absent(&input.ipv4_netmask_length, "Ipv4NetmaskLength")?;
    given::absent(&input.ipv6_ipam_pool_id, "Ipv6IpamPoolId")?;
    given::absent(&input.ipv6_netmask_length, "Ipv6NetmaskLength")?;
    given::absent(&input.vpc_encryption_control, "VpcEncryptionControl")?;
    let instance_tenancy = match input.instance_tenancy.unwrap_or_default() {
        Tenancy::Host => return Err(refusal::unsupported("InstanceTenancy host")),
        tenancy => tenancy.to_string(),
    };
    let tags = tags::of_new(ResourceKind::Vpc, input.tag_specifications)?;
    let text = input.cidr_block.ok_or_else(|| refusal::missing("cidrBlock"))?;
    let cidr_block = given::ipv4_block(&text, "cidrBlock")?;
    if !(16..=28).contains(&cidr_block.prefix()) {
        let text = format!("The CIDR '{cidr_block}' is invalid.");
        return Err(Error::new(Code::client("InvalidVpc.Range"), text));
    }
    let new = NewVpc {
        cidr_block,
        instance_tenancy,
        is_default: false,
    };
    let row = store::networks::vpcs::create(cx.db(), &cx.scope, &new, &tags).await?;
    Ok(CreateVpcResult {
        vpc: Some(vpc::vpc(&cx.scope, row, tags)),
    })
}
