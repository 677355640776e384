use aws_model::elbv2::types::{
    DescribeListenerAttributesInput, DescribeListenerAttributesOutput, ListenerAttribute,
};
use store::listeners::ListenerRow;

use crate::elbv2::attributes::Map;
use crate::elbv2::listener_attributes::{CATALOGUE, Subject};
use crate::elbv2::listeners;
use crate::{Context, Result};

/// DescribeListenerAttributes: all that a listener of its protocol has, defaults filled in.
pub async fn describe_listener_attributes(
    cx: &Context,
    input: DescribeListenerAttributesInput,
) -> Result<DescribeListenerAttributesOutput> {
    let row = listeners::listener(cx, &input.listener_arn).await?;
    Ok(DescribeListenerAttributesOutput {
        attributes: Some(shown(&row, &row.attributes.0)),
    })
}

/// A listener's attributes, of which these are stored.
pub(super) fn shown(row: &ListenerRow, stored: &Map) -> Vec<ListenerAttribute> {
    let all = CATALOGUE.all(&Subject::of(row), stored).into_iter();
    all.map(|(key, value)| ListenerAttribute {
        key: Some(key),
        value: Some(value),
    })
    .collect()
}
