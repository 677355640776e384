//! Forwarding to target groups by weights.

use std::collections::BTreeSet;

use aws_model::elbv2::types::{Action, ForwardActionConfig, TargetGroupStickinessConfig, TargetGroupTuple};
use domain::ElbKind;

use super::{Ground, invalid};
use crate::{Error, Result};

/// Target groups of one action (LB-32).
const GROUPS: usize = 5;
/// Longest stickiness to a group, in seconds.
const STICKINESS: i32 = 604_800;

/// `ForwardConfig` is always filled; `TargetGroupArn` stands beside it when there is one group.
pub fn normalised(action: Action, ground: Ground<'_>) -> Result<Action> {
    let config = action.forward_config.unwrap_or_default();
    let mut tuples = config.target_groups.unwrap_or_default();
    if let Some(single) = action.target_group_arn {
        match tuples.as_slice() {
            [] => tuples.push(TargetGroupTuple {
                target_group_arn: Some(single),
                weight: None,
            }),
            [only] if only.target_group_arn.as_ref() == Some(&single) => {}
            _ => {
                return Err(invalid(
                    "You can specify both 'TargetGroupArn' and 'ForwardConfig' only if there is one target group, the same in both",
                ));
            }
        }
    }
    check(&tuples)?;
    for tuple in &mut tuples {
        tuple.weight.get_or_insert(1);
    }
    let stickiness = stickiness(config.target_group_stickiness_config, ground)?;
    let single = match tuples.as_slice() {
        [only] => only.target_group_arn.clone(),
        _ => None,
    };
    Ok(Action {
        r#type: action.r#type,
        target_group_arn: single,
        forward_config: Some(ForwardActionConfig {
            target_groups: Some(tuples),
            target_group_stickiness_config: stickiness,
        }),
        ..Action::default()
    })
}

fn check(tuples: &[TargetGroupTuple]) -> Result<()> {
    if tuples.is_empty() {
        return Err(Error::validation(
            "A target group must be specified for an action of type 'forward'",
        ));
    }
    if tuples.len() > GROUPS {
        return Err(Error::new(
            aws_model::elbv2::ErrorCode::TooManyTargetGroupsException,
            format!("An action of type 'forward' cannot have more than '{GROUPS}' target groups"),
        ));
    }
    let mut seen = BTreeSet::new();
    for tuple in tuples {
        let arn = tuple.target_group_arn.as_deref().unwrap_or_default();
        if ElbKind::of_arn(arn) != Some(ElbKind::TargetGroup) {
            return Err(Error::validation(format!(
                "'{arn}' is not a valid target group ARN"
            )));
        }
        if !seen.insert(arn) {
            return Err(invalid(format!(
                "Target group '{arn}' is specified more than once"
            )));
        }
        if tuple.weight.is_some_and(|weight| !(0..=999).contains(&weight)) {
            return Err(Error::validation(
                "The weight of a target group must be between '0' and '999'",
            ));
        }
    }
    Ok(())
}

fn stickiness(
    given: Option<TargetGroupStickinessConfig>,
    ground: Ground<'_>,
) -> Result<Option<TargetGroupStickinessConfig>> {
    let given = given.unwrap_or_default();
    let enabled = given.enabled.unwrap_or(false);
    if ground.is_network() {
        return match enabled {
            true => Err(invalid(
                "Target group stickiness is not supported for load balancers with type 'network'",
            )),
            false => Ok(None),
        };
    }
    match given.duration_seconds {
        Some(seconds) if !(1..=STICKINESS).contains(&seconds) => Err(Error::validation(format!(
            "The target group stickiness duration must be between '1' and '{STICKINESS}' seconds"
        ))),
        None if enabled => Err(Error::validation(
            "A duration must be specified when target group stickiness is enabled",
        )),
        duration_seconds => Ok(Some(TargetGroupStickinessConfig {
            enabled: Some(enabled),
            duration_seconds,
        })),
    }
}
