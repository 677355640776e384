use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{RegisterTaskDefinitionRequest, RegisterTaskDefinitionResponse};

use crate::ecs::{tags, task_definition};
use crate::{Context, Error, Result};

/// RegisterTaskDefinition: the next revision of the family (TD-01).
pub async fn register_task_definition(
    cx: &Context,
    mut input: RegisterTaskDefinitionRequest,
) -> Result<RegisterTaskDefinitionResponse> {
    let tags = tags::checked(input.tags.take())?;
    let family = input.family.clone();
    let document = task_definition::build(input, &cx.caller.principal_arn)?;
    let row =
        store::task_definitions::register(cx.db(), &cx.scope, &family, &document, &tags, cx.now()).await?;
    let row = row.ok_or_else(|| {
        let text = format!("The family {family} has had as many revisions as a family can have.");
        Error::new(ErrorCode::LimitExceededException, text)
    })?;
    Ok(RegisterTaskDefinitionResponse {
        task_definition: Some(row.view(&cx.scope)),
        tags: Some(tags::shown(tags)),
    })
}
