use aws_model::elbv2::types::{
    DescribeTargetGroupAttributesInput, DescribeTargetGroupAttributesOutput, TargetGroupAttribute,
};
use store::target_groups::TargetGroupRow;

use crate::elbv2::attributes::Map;
use crate::elbv2::attributes::target_group::{CATALOGUE, Subject};
use crate::elbv2::find;
use crate::{Context, Result};

/// DescribeTargetGroupAttributes: everything that a group of this protocol has, defaults too.
pub async fn describe_target_group_attributes(
    cx: &Context,
    input: DescribeTargetGroupAttributesInput,
) -> Result<DescribeTargetGroupAttributesOutput> {
    let row = find::target_group(cx, &input.target_group_arn).await?;
    Ok(DescribeTargetGroupAttributesOutput {
        attributes: Some(shown(&row, &row.attributes)),
    })
}

/// A group's attributes with defaults.
pub(super) fn shown(row: &TargetGroupRow, stored: &Map) -> Vec<TargetGroupAttribute> {
    let all = CATALOGUE.all(&Subject::of(row), stored);
    all.into_iter()
        .map(|(key, value)| TargetGroupAttribute {
            key: Some(key),
            value: Some(value),
        })
        .collect()
}
