use aws_model::elbv2::types::{DeregisterTargetsInput, DeregisterTargetsOutput};
use store::{Wake, targets};

use crate::elbv2::{find, target_key};
use crate::{Context, Error, Result};

/// DeregisterTargets: they take no new requests and are gone after the group's delay; those that are not registered count as gone
/// (LB-12, LB-19).
pub async fn deregister_targets(
    cx: &Context,
    input: DeregisterTargetsInput,
) -> Result<DeregisterTargetsOutput> {
    if input.targets.is_empty() {
        return Err(Error::validation("At least one target must be specified"));
    }
    let mut tx = cx.db().begin().await?;
    let group = find::hold_target_group(cx, &mut tx, &input.target_group_arn).await?;
    let keys: Vec<(String, i32)> = input
        .targets
        .iter()
        .map(|target| target_key::of(&group, target))
        .collect();
    targets::deregister(&mut tx, &group.arn, &keys, cx.now()).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(DeregisterTargetsOutput {})
}
