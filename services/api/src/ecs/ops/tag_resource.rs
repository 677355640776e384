use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{TagResourceRequest, TagResourceResponse};

use crate::ecs::{tag_target, tags};
use crate::{Context, Error, Result};

/// TagResource: sets tags; existing keys are overwritten (TG-01, TG-02).
pub async fn tag_resource(cx: &Context, input: TagResourceRequest) -> Result<TagResourceResponse> {
    let tags = tags::checked(Some(input.tags))?;
    let arn = input.resource_arn;
    let mut tx = cx.db().begin().await?;
    tag_target::hold(cx, &mut tx, &arn).await?;
    let mut keys = store::tags::keys_locked(&mut tx, &cx.scope, &arn).await?;
    keys.extend(tags.iter().map(|tag| tag.key.clone()));
    keys.sort();
    keys.dedup();
    // Tags that ECS manages do not count (TG-04).
    if keys.iter().filter(|key| !key.starts_with("aws:")).count() > tags::LIMIT {
        let text = format!("A resource can have at most {} tags.", tags::LIMIT);
        return Err(Error::new(ErrorCode::LimitExceededException, text));
    }
    let tags: Vec<_> = tags.into_iter().map(|tag| (arn.clone(), tag)).collect();
    store::tags::put(&mut tx, &cx.scope, &tags).await?;
    cx.db().commit(tx, []).await?;
    Ok(TagResourceResponse {})
}
