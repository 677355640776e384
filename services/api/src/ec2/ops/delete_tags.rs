use aws_model::Nothing;
use aws_model::ec2::types::DeleteTagsRequest;
use store::networks::tags::Untag;

use crate::ec2::tags;
use crate::{Context, Result};

/// DeleteTags: takes tags away, those of a value only where they have it; all of them when none are named.
pub async fn delete_tags(cx: &Context, input: DeleteTagsRequest) -> Result<Nothing> {
    let resources = tags::resources(input.resources)?;
    let mut untags = Vec::new();
    for tag in input.tags.unwrap_or_default() {
        untags.push(Untag {
            key: tags::checked_key(tag.key)?,
            value: tag.value,
        });
    }
    let untags = (!untags.is_empty()).then_some(untags.as_slice());
    store::networks::tags::remove(cx.db(), &cx.scope, &resources, untags).await?;
    Ok(Nothing {})
}
