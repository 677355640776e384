//! `strategy` of a deployment configuration: blue/green, linear and canary (BG-01, BG-02).

use aws_model::ecs::types::{DeploymentConfiguration, DeploymentStrategy, LoadBalancer};
use aws_model::elbv2::types::ActionTypeEnum;
use store::services::Strategy;

use crate::{Context, Error, Result};

/// Longest bake (BG-01).
const BAKE_LIMIT: i32 = 1440;

/// What the service has from now on: members that are not given stay as in `current`.
///
/// # Errors
/// InvalidParameterException for times and shares out of range, for members of another strategy, and without `bakeTimeInMinutes`.
pub fn strategy(given: &DeploymentConfiguration, current: Strategy, daemon: bool) -> Result<Strategy> {
    let wanted = given.strategy.unwrap_or(match current {
        Strategy::Rolling => DeploymentStrategy::Rolling,
        Strategy::BlueGreen { .. } => DeploymentStrategy::BlueGreen,
        Strategy::Linear { .. } => DeploymentStrategy::Linear,
        Strategy::Canary { .. } => DeploymentStrategy::Canary,
    });
    if daemon && wanted != DeploymentStrategy::Rolling {
        return invalid(format!(
            "The daemon scheduling strategy does not support the deployment strategy {wanted}."
        ));
    }
    refuse_of_others(given, wanted)?;
    let kept = Some(current.bake()).filter(|_| current.shifts());
    let bake = given.bake_time_in_minutes.or(kept);
    if wanted == DeploymentStrategy::Rolling {
        return match given.bake_time_in_minutes {
            None | Some(0) => Ok(Strategy::Rolling),
            Some(_) => invalid(
                "bakeTimeInMinutes is not supported with the ROLLING deployment strategy without alarms.",
            ),
        };
    }
    let Some(bake) = bake else {
        return invalid(format!(
            "bakeTimeInMinutes is required for the deployment strategy {wanted}."
        ));
    };
    minutes("bakeTimeInMinutes", bake)?;
    match wanted {
        DeploymentStrategy::Linear => linear(given, current, bake),
        DeploymentStrategy::Canary => canary(given, current, bake),
        _ => Ok(Strategy::BlueGreen { bake }),
    }
}

fn linear(given: &DeploymentConfiguration, current: Strategy, bake: i32) -> Result<Strategy> {
    let (step_percent, step_bake) = match (&given.linear_configuration, current) {
        (
            None,
            Strategy::Linear {
                step_percent,
                step_bake,
                ..
            },
        ) => (step_percent, step_bake),
        (given, _) => {
            let given = given.clone().unwrap_or_default();
            (
                given.step_percent.unwrap_or(10.0),
                given.step_bake_time_in_minutes.unwrap_or(6),
            )
        }
    };
    percent("stepPercent", step_percent, 3.0)?;
    minutes("stepBakeTimeInMinutes", step_bake)?;
    Ok(Strategy::Linear {
        step_percent,
        step_bake,
        bake,
    })
}

fn canary(given: &DeploymentConfiguration, current: Strategy, bake: i32) -> Result<Strategy> {
    let (canary_percent, canary_bake) = match (&given.canary_configuration, current) {
        (
            None,
            Strategy::Canary {
                canary_percent,
                canary_bake,
                ..
            },
        ) => (canary_percent, canary_bake),
        (given, _) => {
            let given = given.clone().unwrap_or_default();
            (
                given.canary_percent.unwrap_or(5.0),
                given.canary_bake_time_in_minutes.unwrap_or(10),
            )
        }
    };
    percent("canaryPercent", canary_percent, 0.1)?;
    minutes("canaryBakeTimeInMinutes", canary_bake)?;
    Ok(Strategy::Canary {
        canary_percent,
        canary_bake,
        bake,
    })
}

/// Each load balancer of a service that shifts traffic names the other target group and the rule whose weights are shifted (BG-02).
///
/// # Errors
/// InvalidParameterException that says what is missing, or that is given without effect.
pub async fn check(cx: &Context, strategy: Strategy, load_balancers: &[LoadBalancer]) -> Result<()> {
    for entry in load_balancers {
        let Some(advanced) = &entry.advanced_configuration else {
            match strategy.shifts() {
                true => {
                    return invalid(
                        "advancedConfiguration is required for load balancers of services with this deployment strategy.",
                    );
                }
                false => continue,
            }
        };
        if advanced.alternate_target_group_arn.is_none() || advanced.production_listener_rule.is_none() {
            return invalid(
                "advancedConfiguration must have an alternateTargetGroupArn and a productionListenerRule.",
            );
        }
        if advanced.alternate_target_group_arn == entry.target_group_arn {
            return invalid("The alternate target group must differ from the target group.");
        }
        for rule in [&advanced.production_listener_rule, &advanced.test_listener_rule]
            .into_iter()
            .flatten()
        {
            check_rule(cx, strategy, rule).await?;
        }
    }
    Ok(())
}

/// The rule is there and forwards; on a network load balancer only blue/green shifts (BG-01).
async fn check_rule(cx: &Context, strategy: Strategy, arn: &str) -> Result<()> {
    let Some(rule) = store::rules::find(cx.db(), &cx.scope, arn).await? else {
        return invalid(format!("The listener rule {arn} does not exist."));
    };
    if !rule
        .actions
        .0
        .iter()
        .any(|action| action.r#type == ActionTypeEnum::Forward)
    {
        return invalid(format!(
            "The listener rule {arn} does not forward requests to target groups."
        ));
    }
    let network = arn.contains(":listener-rule/net/") || arn.contains(":listener/net/");
    match (network, strategy) {
        (true, Strategy::Linear { .. } | Strategy::Canary { .. }) => {
            invalid("Network Load Balancers only support the BLUE_GREEN deployment strategy.")
        }
        _ => Ok(()),
    }
}

fn refuse_of_others(given: &DeploymentConfiguration, wanted: DeploymentStrategy) -> Result<()> {
    if given.linear_configuration.is_some() && wanted != DeploymentStrategy::Linear {
        return invalid("linearConfiguration is only valid with the LINEAR deployment strategy.");
    }
    if given.canary_configuration.is_some() && wanted != DeploymentStrategy::Canary {
        return invalid("canaryConfiguration is only valid with the CANARY deployment strategy.");
    }
    Ok(())
}

fn minutes(member: &str, value: i32) -> Result<()> {
    match value {
        0..=BAKE_LIMIT => Ok(()),
        _ => invalid(format!("{member} must be between 0 and {BAKE_LIMIT}.")),
    }
}

/// In steps of a tenth.
fn percent(member: &str, value: f64, least: f64) -> Result<()> {
    let tenths = value * 10.0;
    match (least..=100.0).contains(&value) && (tenths - tenths.round()).abs() < 1e-6 {
        true => Ok(()),
        false => invalid(format!(
            "{member} must be between {least:.1} and 100.0 in multiples of 0.1."
        )),
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::invalid_parameter(text))
}
