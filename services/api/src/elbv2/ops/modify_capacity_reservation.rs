use aws_model::elbv2::types::{ModifyCapacityReservationInput, ModifyCapacityReservationOutput};
use store::load_balancers::{self, KeptBalancer, LoadBalancerChange};

use crate::elbv2::{capacity, find};
use crate::{Context, Error, Result};

/// ModifyCapacityReservation: kept and returned; a proxy takes what its machine can give.
pub async fn modify_capacity_reservation(
    cx: &Context,
    input: ModifyCapacityReservationInput,
) -> Result<ModifyCapacityReservationOutput> {
    let units = input
        .minimum_load_balancer_capacity
        .and_then(|capacity| capacity.capacity_units);
    let units = match (units, input.reset_capacity_reservation.unwrap_or_default()) {
        (Some(units), false) if units > 0 => Some(units),
        (None, true) => None,
        (Some(_), false) => {
            return Err(Error::validation(
                "The minimum load balancer capacity must be greater than '0'",
            ));
        }
        (Some(_), true) => {
            return Err(Error::validation(
                "A minimum load balancer capacity cannot be specified when the capacity reservation is reset",
            ));
        }
        (None, false) => {
            return Err(Error::validation(
                "A minimum load balancer capacity must be specified",
            ));
        }
    };
    let mut tx = cx.db().begin().await?;
    let row = find::hold_load_balancer(cx, &mut tx, &input.load_balancer_arn).await?;
    let kept = KeptBalancer {
        capacity_units: units,
        capacity_modified_at: Some(cx.now()),
        ..row.kept.0.clone()
    };
    let change = LoadBalancerChange {
        kept: Some(kept.clone()),
        ..LoadBalancerChange::default()
    };
    load_balancers::update(&mut tx, &row.arn, &change).await?;
    cx.db().commit(tx, []).await?;
    Ok(capacity::shown(&row, &kept))
}
