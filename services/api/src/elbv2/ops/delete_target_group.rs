use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{DeleteTargetGroupInput, DeleteTargetGroupOutput};
use store::{Wake, target_groups};

use crate::elbv2::find;
use crate::{Context, Error, Result};

/// DeleteTargetGroup: with its targets, unless a listener or rule names it (LB-11, LB-12).
pub async fn delete_target_group(
    cx: &Context,
    input: DeleteTargetGroupInput,
) -> Result<DeleteTargetGroupOutput> {
    let arn = input.target_group_arn;
    let mut tx = cx.db().begin().await?;
    find::hold_target_group(cx, &mut tx, &arn).await?;
    if !target_groups::delete(&mut tx, &cx.scope, &arn).await? {
        return Err(Error::new(
            ErrorCode::ResourceInUseException,
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(DeleteTargetGroupOutput {})
}
