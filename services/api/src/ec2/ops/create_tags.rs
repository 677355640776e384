use aws_model::Nothing;
use aws_model::ec2::types::CreateTagsRequest;

use crate::ec2::{refusal, tags};
use crate::{Context, Result};

/// CreateTags: sets tags of several things; existing keys are overwritten.
pub async fn create_tags(cx: &Context, input: CreateTagsRequest) -> Result<Nothing> {
    let resources = tags::resources(input.resources)?;
    let tags = tags::checked(input.tags)?;
    if tags.is_empty() {
        return Err(refusal::missing("tagSet"));
    }
    store::networks::tags::add(cx.db(), &cx.scope, &resources, &tags).await?;
    Ok(Nothing {})
}
