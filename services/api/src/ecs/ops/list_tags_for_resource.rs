use aws_model::ecs::types::{ListTagsForResourceRequest, ListTagsForResourceResponse};

use crate::ecs::{tag_target, tags};
use crate::{Context, Result};

/// ListTagsForResource: tags sorted by key, those that ECS manages included (TG-02, TG-04).
pub async fn list_tags_for_resource(
    cx: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse> {
    let arn = input.resource_arn;
    let mut tx = cx.db().begin().await?;
    tag_target::look_up(cx, &mut tx, &arn).await?;
    drop(tx);
    let mut tags = tags::of(cx, true, std::slice::from_ref(&arn)).await?;
    Ok(ListTagsForResourceResponse {
        tags: Some(tags::taken(&mut tags, &arn)),
    })
}
