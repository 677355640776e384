use aws_model::Nothing;
use aws_model::acm::types::AddTagsToCertificateRequest;

use crate::acm::{find, tags};
use crate::{Context, Result};

/// AddTagsToCertificate: existing keys are overwritten (TG-01).
pub async fn add_tags_to_certificate(cx: &Context, input: AddTagsToCertificateRequest) -> Result<Nothing> {
    let given = tags::checked(Some(input.tags))?;
    find::certificate(cx, &input.certificate_arn).await?;
    let mut tx = cx.db().begin().await?;
    if !store::certificates::keep(&mut tx, &cx.scope, &input.certificate_arn).await? {
        return Err(find::not_found(&input.certificate_arn));
    }
    tags::put(cx, &mut tx, &input.certificate_arn, given).await?;
    cx.db().commit(tx, []).await?;
    Ok(Nothing::default())
}
