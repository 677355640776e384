use aws_model::elbv2::types::{RemoveTagsInput, RemoveTagsOutput};

use crate::elbv2::tags;
use crate::{Context, Result};

/// RemoveTags: keys that are not there are left out (TG-01).
pub async fn remove_tags(cx: &Context, input: RemoveTagsInput) -> Result<RemoveTagsOutput> {
    tags::remove(cx, input.resource_arns, &input.tag_keys).await?;
    Ok(RemoveTagsOutput {})
}
