use aws_model::ec2::types::{
    AvailabilityZone, DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult,
};

use crate::ec2::filters::Filters;
use crate::ec2::refusal;
use crate::ec2::view::zone;
use crate::{Context, Result};

/// DescribeAvailabilityZones: the region's three. There are none to opt in to, so `AllAvailabilityZones` shows no others.
pub async fn describe_availability_zones(
    cx: &Context,
    input: DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResult> {
    let filters = Filters::new(input.filters, false)?;
    let mut zones = zone::all(&cx.scope);
    retain(&mut zones, input.zone_names, "availability zone", |zone| {
        zone.zone_name.as_ref()
    })?;
    retain(&mut zones, input.zone_ids, "availability zone-id", |zone| {
        zone.zone_id.as_ref()
    })?;
    zones.retain(|zone| filters.let_pass(zone));
    Ok(DescribeAvailabilityZonesResult {
        availability_zones: Some(zones),
    })
}

fn retain(
    zones: &mut Vec<AvailabilityZone>,
    asked: Option<Vec<String>>,
    what: &str,
    name: impl Fn(&AvailabilityZone) -> Option<&String>,
) -> Result<()> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(());
    };
    if let Some(unknown) = asked
        .iter()
        .find(|asked| !zones.iter().any(|zone| name(zone) == Some(*asked)))
    {
        let unknown = refusal::quoted(unknown);
        return Err(refusal::invalid_value(format!("Invalid {what}: [{unknown}]")));
    }
    zones.retain(|zone| name(zone).is_some_and(|name| asked.contains(name)));
    Ok(())
}
