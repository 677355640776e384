use aws_model::ec2::types::{CreateSubnetRequest, CreateSubnetResult};
use domain::network::{ResourceKind, zones};
use store::networks::NetworkError;
use store::networks::subnets::{self, NewSubnet};

use crate::ec2::view::subnet;
use crate::ec2::{given, refusal, tags};
use crate::{Context, Result};

/// CreateSubnet. Without a zone it is in the region's first one.
pub async fn create_subnet(cx: &Context, input: CreateSubnetRequest) -> Result<CreateSubnetResult> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    given::absent(&input.ipv6_cidr_block, "Ipv6CidrBlock")?;
    given::absent(&input.outpost_arn, "OutpostArn")?;
    given::off(input.ipv6_native, "Ipv6Native")?;
    given::absent(&input.ipv4_ipam_pool_id, "Ipv4IpamPoolId")?;
    given::absent(&input.ipv4_netmask_length, "Ipv4NetmaskLength")?;
    given::absent(&input.ipv6_ipam_pool_id, "Ipv6IpamPoolId")?;
    given::absent(&input.ipv6_netmask_length, "Ipv6NetmaskLength")?;
    let tags = tags::of_new(ResourceKind::Subnet, input.tag_specifications)?;
    let asked = given::zone(
        cx,
        input.availability_zone.as_deref(),
        input.availability_zone_id.as_deref(),
    )?;
    let [first, ..] = zones(&cx.scope.region);
    let text = input.cidr_block.ok_or_else(|| refusal::missing("cidrBlock"))?;
    let cidr_block = given::ipv4_block(&text, "cidrBlock")?;
    if !(16..=28).contains(&cidr_block.prefix()) {
        return Err(NetworkError::SubnetRange(cidr_block.to_string()).into());
    }
    let new = NewSubnet {
        vpc_id: input.vpc_id,
        availability_zone: asked.unwrap_or(first).name,
        cidr_block,
        is_default: false,
    };
    let row = subnets::create(cx.db(), &cx.scope, &new, &tags).await?;
    Ok(CreateSubnetResult {
        subnet: Some(subnet::subnet(&cx.scope, row, tags)),
    })
}
