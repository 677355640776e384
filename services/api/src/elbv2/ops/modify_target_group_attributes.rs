use aws_model::elbv2::types::{ModifyTargetGroupAttributesInput, ModifyTargetGroupAttributesOutput};
use store::{Wake, target_groups};

use crate::elbv2::attributes::target_group::{CATALOGUE, Subject};
use crate::elbv2::find;
use crate::elbv2::ops::describe_target_group_attributes::shown;
use crate::{Context, Result};

/// ModifyTargetGroupAttributes: sets the given ones, all or none, and returns everything (LB-19, LB-34).
pub async fn modify_target_group_attributes(
    cx: &Context,
    input: ModifyTargetGroupAttributesInput,
) -> Result<ModifyTargetGroupAttributesOutput> {
    let mut tx = cx.db().begin().await?;
    let row = find::hold_target_group(cx, &mut tx, &input.target_group_arn).await?;
    let changes = input.attributes.into_iter().map(|one| (one.key, one.value));
    let changed = CATALOGUE.changed(&Subject::of(&row), &row.attributes, changes.collect())?;
    if changed != row.attributes.0 {
        target_groups::set_attributes(&mut tx, &row.arn, &changed).await?;
        cx.db().commit(tx, [Wake::Routes]).await?;
    }
    Ok(ModifyTargetGroupAttributesOutput {
        attributes: Some(shown(&row, &changed)),
    })
}
