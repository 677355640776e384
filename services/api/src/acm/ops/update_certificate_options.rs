use aws_model::Nothing;
use aws_model::acm::ErrorCode;
use aws_model::acm::types::{CertificateExport, UpdateCertificateOptionsRequest};

use crate::acm::find;
use crate::{Context, Error, Result};

/// UpdateCertificateOptions: the wish about transparency logs is kept; the directory decides for itself.
pub async fn update_certificate_options(
    cx: &Context,
    input: UpdateCertificateOptionsRequest,
) -> Result<Nothing> {
    let row = find::certificate(cx, &input.certificate_arn).await?;
    let invalid = |text: String| Err(Error::new(ErrorCode::InvalidStateException, text));
    if row.kind != "AMAZON_ISSUED" {
        return invalid(format!(
            "Certificate {} was imported: it has no options.",
            row.arn
        ));
    }
    if input.options.export == Some(CertificateExport::Enabled) {
        return invalid("Certificates cannot be exported.".to_owned());
    }
    let mut tx = cx.db().begin().await?;
    let Some(mut details) = store::certificates::details(&mut tx, &row.arn).await? else {
        return Err(find::not_found(&row.arn));
    };
    if let Some(preference) = input.options.certificate_transparency_logging_preference {
        details.transparency_logging = Some(preference.to_string());
    }
    store::certificates::set_details(&mut tx, &row.arn, &details).await?;
    cx.db().commit(tx, []).await?;
    Ok(Nothing::default())
}
