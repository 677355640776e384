//! Listeners and rules by their ARNs, found or locked, and what AWS says about those that are not there (LB-12, LB-13).

use aws_model::elbv2::ErrorCode;
use domain::ElbKind;
use store::Tx;
use store::listeners::{self, BalancerHead, ListenerRow};
use store::rules::{self, RuleRow};

use crate::elbv2::find::check_arn;
use crate::{Context, Error, Result};

/// LB-12, LB-13.
pub fn no_listener() -> Error {
    Error::new(
        ErrorCode::ListenerNotFoundException,
        "One or more listeners not found",
    )
}

/// LB-13.
pub fn no_rule() -> Error {
    Error::new(ErrorCode::RuleNotFoundException, "One or more rules not found")
}

/// The listener with this ARN.
///
/// # Errors
/// ValidationError, ListenerNotFound.
pub async fn listener(cx: &Context, arn: &str) -> Result<ListenerRow> {
    check_arn(arn, ElbKind::Listener)?;
    listeners::find(cx.db(), &cx.scope, arn)
        .await?
        .ok_or_else(no_listener)
}

/// The listener with this ARN, its balancer locked until the transaction ends.
///
/// # Errors
/// ValidationError, ListenerNotFound.
pub async fn locked_listener(cx: &Context, tx: &mut Tx, arn: &str) -> Result<(BalancerHead, ListenerRow)> {
    check_arn(arn, ElbKind::Listener)?;
    listeners::lock(tx, &cx.scope, arn).await?.ok_or_else(no_listener)
}

/// The rule with this ARN and its listener, the balancer locked until the transaction ends.
///
/// # Errors
/// ValidationError, RuleNotFound.
pub async fn locked_rule(
    cx: &Context,
    tx: &mut Tx,
    arn: &str,
) -> Result<(BalancerHead, ListenerRow, RuleRow)> {
    check_arn(arn, ElbKind::Rule)?;
    let listener = rules::listener_of(tx, &cx.scope, arn)
        .await?
        .ok_or_else(no_rule)?;
    let (balancer, listener) = listeners::lock(tx, &cx.scope, &listener)
        .await?
        .ok_or_else(no_rule)?;
    let rule = rules::seen(tx, arn).await?.ok_or_else(no_rule)?;
    Ok((balancer, listener, rule))
}
