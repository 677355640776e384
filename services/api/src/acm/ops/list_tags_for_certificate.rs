use aws_model::acm::types::{ListTagsForCertificateRequest, ListTagsForCertificateResponse, Tag};

use crate::acm::tags;
use crate::{Context, Result};

/// ListTagsForCertificate.
pub async fn list_tags_for_certificate(
    cx: &Context,
    input: ListTagsForCertificateRequest,
) -> Result<ListTagsForCertificateResponse> {
    let tags = tags::of(cx, &input.certificate_arn)
        .await?
        .into_iter()
        .map(|tag| Tag {
            key: tag.key,
            value: Some(tag.value),
        });
    Ok(ListTagsForCertificateResponse {
        tags: Some(tags.collect()),
    })
}
