//! Weights of a rule that a service's deployment shifts (BG-xx): blue/green, linear and canary.

use aws_model::elbv2::types::{ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};
use sqlx::types::Json;
use thiserror::Error;

use super::{RuleRow, groups, seen, set_groups};
use crate::{StoreError, Tx};

/// Why weights cannot be shifted.
#[derive(Debug, Error)]
pub enum ShiftError {
    #[error("rule {0} is gone")]
    NoRule(String),
    #[error("rule {0} does not forward to target groups")]
    NoForward(String),
    #[error("the weights of rule {rule} are shifted by another service (row {service})")]
    Foreign { rule: String, service: i64 },
    #[error("target group {0} is gone")]
    NoTargetGroup(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ShiftError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Makes the forward action of a rule (a default rule too) send requests to these target groups by these weights (0 to 999), and notes
/// that `service` (its row id) does that until [`release`]. Other settings of the action stay. The balancer's revision is raised; the
/// caller commits and sends [`crate::Wake::Routes`]. True if anything changed.
///
/// # Errors
/// When the rule or a group is gone, the rule does not forward, or another service's deployment has it.
pub async fn shift_weights(
    tx: &mut Tx,
    rule_arn: &str,
    weights: &[(String, i32)],
    service: i64,
) -> Result<bool, ShiftError> {
    let (balancer, rule) = locked(tx, rule_arn).await?;
    if let Some(other) = rule.shifted_by.filter(|other| *other != service) {
        return Err(ShiftError::Foreign {
            rule: rule_arn.to_owned(),
            service: other,
        });
    }
    let mut actions = rule.actions.0.clone();
    let forward = actions
        .iter_mut()
        .find(|action| action.r#type == ActionTypeEnum::Forward)
        .ok_or_else(|| ShiftError::NoForward(rule_arn.to_owned()))?;
    let tuples = weights.iter().map(|(arn, weight)| TargetGroupTuple {
        target_group_arn: Some(arn.clone()),
        weight: Some(*weight),
    });
    let stickiness = forward
        .forward_config
        .take()
        .and_then(|config| config.target_group_stickiness_config);
    forward.forward_config = Some(ForwardActionConfig {
        target_groups: Some(tuples.collect()),
        target_group_stickiness_config: stickiness,
    });
    forward.target_group_arn = match weights {
        [(only, _)] => Some(only.clone()),
        _ => None,
    };
    if actions == rule.actions.0 && rule.shifted_by == Some(service) {
        return Ok(false);
    }
    hold_groups(tx, &actions).await?;
    sqlx::query("UPDATE rules SET actions = $2, shifted_by = $3 WHERE arn = $1")
        .bind(rule_arn)
        .bind(Json(&actions))
        .bind(service)
        .execute(&mut **tx)
        .await?;
    set_groups(tx, rule_arn, &actions).await?;
    crate::routes::touch_balancer(tx, &balancer).await?;
    Ok(true)
}

/// Ends a service's hold on the weights of rules: its deployment is over, or it is deleted. The weights stay as they are.
pub async fn release(tx: &mut Tx, service: i64) -> crate::Result<()> {
    sqlx::query("UPDATE rules SET shifted_by = NULL WHERE shifted_by = $1")
        .bind(service)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The rule and its balancer's ARN, the balancer locked until the transaction ends.
async fn locked(tx: &mut Tx, rule_arn: &str) -> Result<(String, RuleRow), ShiftError> {
    let balancer: Option<String> = sqlx::query_scalar(
        "SELECT b.arn FROM rules r JOIN listeners l ON l.arn = r.listener_arn JOIN load_balancers b ON b.arn = l.load_balancer_arn \
         WHERE r.arn = $1 FOR NO KEY UPDATE OF b",
    )
    .bind(rule_arn)
    .fetch_optional(&mut **tx)
    .await?;
    let gone = || ShiftError::NoRule(rule_arn.to_owned());
    let balancer = balancer.ok_or_else(gone)?;
    let rule = seen(tx, rule_arn).await?.ok_or_else(gone)?;
    Ok((balancer, rule))
}

/// Keeps the groups from being deleted until the transaction ends.
async fn hold_groups(tx: &mut Tx, actions: &[aws_model::elbv2::types::Action]) -> Result<(), ShiftError> {
    let wanted: Vec<String> = groups::named(actions).into_iter().collect();
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT arn FROM target_groups WHERE arn = ANY($1) ORDER BY arn FOR NO KEY UPDATE",
    )
    .bind(&wanted)
    .fetch_all(&mut **tx)
    .await?;
    match wanted.into_iter().find(|arn| !found.contains(arn)) {
        Some(missing) => Err(ShiftError::NoTargetGroup(missing)),
        None => Ok(()),
    }
}
