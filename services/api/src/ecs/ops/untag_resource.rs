use aws_model::ecs::types::{UntagResourceRequest, UntagResourceResponse};

use crate::ecs::{tag_target, tags};
use crate::{Context, Error, Result};

/// UntagResource: takes tags away; keys that the resource does not have are no error (TG-01, TG-02).
pub async fn untag_resource(cx: &Context, input: UntagResourceRequest) -> Result<UntagResourceResponse> {
    if input.tag_keys.len() > tags::LIMIT {
        return Err(Error::invalid_parameter(format!(
            "A resource can have at most {} tags.",
            tags::LIMIT
        )));
    }
    input.tag_keys.iter().try_for_each(|key| tags::check_key(key))?;
    let mut tx = cx.db().begin().await?;
    tag_target::hold(cx, &mut tx, &input.resource_arn).await?;
    store::tags::remove(&mut tx, &cx.scope, &input.resource_arn, &input.tag_keys).await?;
    cx.db().commit(tx, []).await?;
    Ok(UntagResourceResponse {})
}
