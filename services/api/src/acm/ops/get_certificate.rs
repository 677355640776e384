use aws_model::acm::ErrorCode;
use aws_model::acm::types::{GetCertificateRequest, GetCertificateResponse};

use crate::acm::find;
use crate::{Context, Error, Result};

/// GetCertificate: the texts of an issued certificate. Its key never leaves.
pub async fn get_certificate(cx: &Context, input: GetCertificateRequest) -> Result<GetCertificateResponse> {
    let row = find::certificate(cx, &input.certificate_arn).await?;
    let texts = store::certificates::texts(cx.db(), &cx.scope, &row.arn).await?;
    let (certificate, certificate_chain) = texts.ok_or_else(|| {
        Error::new(
            ErrorCode::RequestInProgressException,
            format!("Certificate {} is not issued yet.", row.arn),
        )
    })?;
    Ok(GetCertificateResponse {
        certificate: Some(certificate),
        certificate_chain,
    })
}
