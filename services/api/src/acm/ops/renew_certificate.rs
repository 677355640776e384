use aws_model::Nothing;
use aws_model::acm::ErrorCode;
use aws_model::acm::types::RenewCertificateRequest;
use store::Wake;

use crate::acm::find;
use crate::{Context, Error, Result};

/// RenewCertificate: begins the renewal of an issued certificate now, whatever its age.
pub async fn renew_certificate(cx: &Context, input: RenewCertificateRequest) -> Result<Nothing> {
    let row = find::certificate(cx, &input.certificate_arn).await?;
    if row.kind != "AMAZON_ISSUED" || row.status != "ISSUED" {
        return Err(Error::new(
            ErrorCode::ValidationException,
            format!("Certificate {} is not eligible for renewal.", row.arn),
        ));
    }
    if !cx.api.config.issues_certificates {
        return Err(Error::new(
            ErrorCode::ValidationException,
            "This Berth issues no certificates any more: its operator named no ACME directory.",
        ));
    }
    let mut tx = cx.db().begin().await?;
    if !store::acme::begin_renewal(&mut tx, &cx.scope, &row.arn, cx.now()).await? {
        return Err(Error::new(
            ErrorCode::RequestInProgressException,
            format!("Certificate {} is being renewed already.", row.arn),
        ));
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(Nothing::default())
}
