use aws_model::elbv2::types::{AddTagsInput, AddTagsOutput};

use crate::elbv2::tags;
use crate::{Context, Result};

/// AddTags: sets tags of load balancers, target groups, listeners, rules and trust stores (TG-01).
pub async fn add_tags(cx: &Context, input: AddTagsInput) -> Result<AddTagsOutput> {
    tags::add(cx, input.resource_arns, input.tags).await?;
    Ok(AddTagsOutput {})
}
