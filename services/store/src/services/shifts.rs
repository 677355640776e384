//! Weights of listener rules while a deployment shifts traffic (BG-02, BG-03).

use planning::deployment::Shift;
use planning::deployment::shift::WHOLE;

use super::record::DeploymentRow;
use crate::Tx;
use crate::rules::{self, ShiftError};

/// Gives the deployment its share on the production rules of its load balancers, and the test traffic if it is to have it. True if any
/// weight changed.
pub(super) async fn carry_out(
    tx: &mut Tx,
    deployment: &DeploymentRow,
    shift: Shift,
) -> Result<bool, ShiftError> {
    let mut changed = false;
    for entry in &deployment.spec.load_balancers {
        let (Some(own), Some(advanced)) = (&entry.target_group_arn, &entry.advanced_configuration) else {
            continue;
        };
        let Some(other) = &advanced.alternate_target_group_arn else {
            continue;
        };
        let weights = |share: u32| {
            let (own_weight, other_weight) = weights(share);
            let mut weights = vec![(own.clone(), own_weight), (other.clone(), other_weight)];
            // In the order in which the user configured the groups, whichever has the traffic.
            if deployment.spec.exchanged {
                weights.reverse();
            }
            weights
        };
        if let Some(rule) = &advanced.production_listener_rule {
            changed |=
                rules::shift_weights(tx, rule, &weights(shift.production), deployment.service_id).await?;
        }
        if let Some(rule) = advanced.test_listener_rule.as_ref().filter(|_| shift.test) {
            changed |= rules::shift_weights(tx, rule, &weights(WHOLE), deployment.service_id).await?;
        }
    }
    Ok(changed)
}

/// Weights are 0 to 999, so all of it is 100 and parts are in tenths of a percent.
fn weights(share: u32) -> (i32, i32) {
    match share {
        0 => (0, 100),
        part if part < WHOLE => (part as i32, (WHOLE - part) as i32),
        _ => (100, 0),
    }
}
