use aws_model::ecs::types::{
    DescribeTaskDefinitionRequest, DescribeTaskDefinitionResponse, TaskDefinitionField,
};

use crate::ecs::tags;
use crate::ecs::task_definition::reference;
use crate::{Context, Error, Result};

/// DescribeTaskDefinition: one revision in any status (TD-04, TD-07), with its tags if they are asked for (TG-06).
pub async fn describe_task_definition(
    cx: &Context,
    input: DescribeTaskDefinitionRequest,
) -> Result<DescribeTaskDefinitionResponse> {
    let include = input.include.unwrap_or_default();
    if include.len() > TaskDefinitionField::NAMES.len() {
        return Err(Error::invalid_parameter("include names a field more than once."));
    }
    let row = reference::lookup(cx, &input.task_definition).await?;
    let row = row.ok_or_else(|| Error::client("Unable to describe task definition."))?;
    let arn = row.arn(&cx.scope);
    let wanted = include.contains(&TaskDefinitionField::Tags);
    let mut tags = tags::of(cx, wanted, std::slice::from_ref(&arn)).await?;
    Ok(DescribeTaskDefinitionResponse {
        task_definition: Some(row.view(&cx.scope)),
        tags: Some(tags::taken(&mut tags, &arn)),
    })
}
