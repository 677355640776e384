//! Load balancers and target groups by their ARNs, with what AWS says about those that are not there (LB-13).

use aws_model::elbv2::ErrorCode;
use domain::ElbKind;
use store::Tx;
use store::load_balancers::{self, LoadBalancerRow};
use store::target_groups::{self, TargetGroupRow};

use crate::{Context, Error, Result};

/// Checks the form of an ARN.
///
/// # Errors
/// ValidationError.
pub fn check_arn(arn: &str, kind: ElbKind) -> Result<()> {
    if ElbKind::of_arn(arn) == Some(kind) {
        return Ok(());
    }
    let noun = noun(kind);
    Err(Error::validation(format!("'{arn}' is not a valid {noun} ARN")))
}

/// How sentences call a kind of thing.
pub fn noun(kind: ElbKind) -> &'static str {
    match kind {
        ElbKind::LoadBalancer => "load balancer",
        ElbKind::TargetGroup => "target group",
        ElbKind::Listener => "listener",
        ElbKind::Rule => "listener rule",
        ElbKind::TrustStore => "trust store",
    }
}

/// The error that says that one thing of this kind does not exist.
pub fn not_found(kind: ElbKind, arn: &str) -> Error {
    let (code, noun) = match kind {
        ElbKind::LoadBalancer => (ErrorCode::LoadBalancerNotFoundException, "Load balancer"),
        ElbKind::TargetGroup => (ErrorCode::TargetGroupNotFoundException, "Target group"),
        ElbKind::Listener => (ErrorCode::ListenerNotFoundException, "Listener"),
        ElbKind::Rule => (ErrorCode::RuleNotFoundException, "Rule"),
        ElbKind::TrustStore => (ErrorCode::TrustStoreNotFoundException, "Trust store"),
    };
    Error::new(code, format!("{noun} '{arn}' not found"))
}

/// What Describe operations say when one of the named target groups does not exist.
pub fn target_groups_not_found() -> Error {
    Error::new(
        ErrorCode::TargetGroupNotFoundException,
        "One or more target groups not found",
    )
}

/// The load balancer with this ARN.
///
/// # Errors
/// ValidationError for what is no ARN, LoadBalancerNotFound.
pub async fn load_balancer(cx: &Context, arn: &str) -> Result<LoadBalancerRow> {
    check_arn(arn, ElbKind::LoadBalancer)?;
    let found = load_balancers::find(cx.db(), &cx.scope, arn).await?;
    found.ok_or_else(|| not_found(ElbKind::LoadBalancer, arn))
}

/// The same, locked until the transaction ends.
pub async fn hold_load_balancer(cx: &Context, tx: &mut Tx, arn: &str) -> Result<LoadBalancerRow> {
    check_arn(arn, ElbKind::LoadBalancer)?;
    let found = load_balancers::hold(tx, &cx.scope, arn).await?;
    found.ok_or_else(|| not_found(ElbKind::LoadBalancer, arn))
}

/// The target group with this ARN.
///
/// # Errors
/// ValidationError for what is no ARN, TargetGroupNotFound.
pub async fn target_group(cx: &Context, arn: &str) -> Result<TargetGroupRow> {
    check_arn(arn, ElbKind::TargetGroup)?;
    let found = target_groups::find(cx.db(), &cx.scope, arn).await?;
    found.ok_or_else(target_groups_not_found)
}

/// The same, locked until the transaction ends.
pub async fn hold_target_group(cx: &Context, tx: &mut Tx, arn: &str) -> Result<TargetGroupRow> {
    check_arn(arn, ElbKind::TargetGroup)?;
    let found = target_groups::hold(tx, &cx.scope, arn).await?;
    found.ok_or_else(target_groups_not_found)
}
