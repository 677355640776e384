use aws_model::Nothing;
use aws_model::acm::types::RemoveTagsFromCertificateRequest;

use crate::acm::tags;
use crate::{Context, Result};

/// RemoveTagsFromCertificate: a tag that is given with a value goes only if it has that value.
pub async fn remove_tags_from_certificate(
    cx: &Context,
    input: RemoveTagsFromCertificateRequest,
) -> Result<Nothing> {
    let there = tags::of(cx, &input.certificate_arn).await?;
    let goes = |tag: &&store::tags::Tag| {
        let mut named = input.tags.iter().filter(|named| named.key == tag.key);
        named.any(|named| named.value.as_ref().is_none_or(|value| *value == tag.value))
    };
    let keys: Vec<String> = there.iter().filter(goes).map(|tag| tag.key.clone()).collect();
    let mut tx = cx.db().begin().await?;
    store::tags::remove(&mut tx, &cx.scope, &input.certificate_arn, &keys).await?;
    cx.db().commit(tx, []).await?;
    Ok(Nothing::default())
}
