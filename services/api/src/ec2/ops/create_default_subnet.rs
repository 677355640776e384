use aws_model::ec2::types::{CreateDefaultSubnetRequest, CreateDefaultSubnetResult};

use crate::ec2::view::subnet;
use crate::ec2::{given, refusal};
use crate::{Context, Result};

/// CreateDefaultSubnet: a zone's default subnet again, after it was deleted.
pub async fn create_default_subnet(
    cx: &Context,
    input: CreateDefaultSubnetRequest,
) -> Result<CreateDefaultSubnetResult> {
    given::off(input.ipv6_native, "Ipv6Native")?;
    let zone = given::zone(
        cx,
        input.availability_zone.as_deref(),
        input.availability_zone_id.as_deref(),
    )?
    .ok_or_else(|| refusal::missing("availabilityZone"))?;
    let row = store::networks::create_default_subnet(cx.db(), &cx.scope, &zone).await?;
    Ok(CreateDefaultSubnetResult {
        subnet: Some(subnet::subnet(&cx.scope, row, Vec::new())),
    })
}
