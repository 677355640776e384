use aws_model::ec2::types::{
    AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState, Region, Tag,
};
use domain::Scope;
use domain::network::{Zone, zones};

use crate::ec2::filters::{Field, Filtered, shown, text};

/// The zones of the request's region.
pub fn all(scope: &Scope) -> Vec<AvailabilityZone> {
    let region = scope.region.to_string();
    let zone = |zone: Zone| AvailabilityZone {
        opt_in_status: Some(AvailabilityZoneOptInStatus::OptInNotRequired),
        messages: Some(Vec::new()),
        region_name: Some(region.clone()),
        zone_name: Some(zone.name),
        zone_id: Some(zone.id),
        group_name: Some(format!("{region}-zg-1")),
        network_border_group: Some(region.clone()),
        zone_type: Some("availability-zone".to_owned()),
        state: Some(AvailabilityZoneState::Available),
        ..AvailabilityZone::default()
    };
    zones(&scope.region).into_iter().map(zone).collect()
}

impl Filtered for AvailabilityZone {
    const FIELDS: &'static [Field<Self>] = &[
        ("group-long-name", |zone| text(&zone.group_long_name)),
        ("group-name", |zone| text(&zone.group_name)),
        ("message", |_| Vec::new()),
        ("opt-in-status", |zone| shown(&zone.opt_in_status)),
        ("parent-zone-id", |zone| text(&zone.parent_zone_id)),
        ("parent-zone-name", |zone| text(&zone.parent_zone_name)),
        ("region-name", |zone| text(&zone.region_name)),
        ("state", |zone| shown(&zone.state)),
        ("zone-id", |zone| text(&zone.zone_id)),
        ("zone-name", |zone| text(&zone.zone_name)),
        ("zone-type", |zone| text(&zone.zone_type)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        None
    }
}

impl Filtered for Region {
    const FIELDS: &'static [Field<Self>] = &[
        ("endpoint", |region| text(&region.endpoint)),
        ("opt-in-status", |region| text(&region.opt_in_status)),
        ("region-name", |region| text(&region.region_name)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        None
    }
}
