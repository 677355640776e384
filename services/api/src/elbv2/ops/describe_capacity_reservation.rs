use aws_model::elbv2::types::{DescribeCapacityReservationInput, DescribeCapacityReservationOutput};

use crate::elbv2::{capacity, find};
use crate::{Context, Result};

/// DescribeCapacityReservation: what was asked for, which has no effect.
pub async fn describe_capacity_reservation(
    cx: &Context,
    input: DescribeCapacityReservationInput,
) -> Result<DescribeCapacityReservationOutput> {
    let row = find::load_balancer(cx, &input.load_balancer_arn).await?;
    let reservation = capacity::shown(&row, &row.kept);
    Ok(DescribeCapacityReservationOutput {
        last_modified_time: reservation.last_modified_time,
        decrease_requests_remaining: reservation.decrease_requests_remaining,
        minimum_load_balancer_capacity: reservation.minimum_load_balancer_capacity,
        capacity_reservation_state: reservation.capacity_reservation_state,
    })
}
