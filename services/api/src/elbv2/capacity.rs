//! Reserved capacity of load balancers: kept and returned, without effect.

use aws_model::elbv2::types::{
    CapacityReservationStateEnum, CapacityReservationStatus, MinimumLoadBalancerCapacity,
    ModifyCapacityReservationOutput, ZonalCapacityReservationState,
};
use store::load_balancers::{KeptBalancer, LoadBalancerRow};

/// How often a reservation may be lowered in a day; nobody counts here.
const DECREASES: i32 = 2;

/// The reservation of a load balancer, spread over its zones.
pub fn shown(row: &LoadBalancerRow, kept: &KeptBalancer) -> ModifyCapacityReservationOutput {
    let share = |units: i32| f64::from(units) / (row.zones.len().max(1) as f64);
    let zones = kept.capacity_units.map(|units| {
        let zone = |name: Option<String>| ZonalCapacityReservationState {
            state: Some(CapacityReservationStatus {
                code: Some(CapacityReservationStateEnum::Provisioned),
                reason: None,
            }),
            availability_zone: name,
            effective_capacity_units: Some(share(units)),
        };
        row.zones
            .iter()
            .map(|place| zone(place.zone_name.clone()))
            .collect()
    });
    ModifyCapacityReservationOutput {
        last_modified_time: kept.capacity_modified_at.map(Into::into),
        decrease_requests_remaining: Some(DECREASES),
        minimum_load_balancer_capacity: kept.capacity_units.map(|units| MinimumLoadBalancerCapacity {
            capacity_units: Some(units),
        }),
        capacity_reservation_state: zones,
    }
}
