use aws_model::acm::types::{DescribeCertificateRequest, DescribeCertificateResponse};

use crate::acm::{find, view};
use crate::{Context, Result};

/// DescribeCertificate: with the balancers that show it.
pub async fn describe_certificate(
    cx: &Context,
    input: DescribeCertificateRequest,
) -> Result<DescribeCertificateResponse> {
    let row = find::certificate(cx, &input.certificate_arn).await?;
    let mut users = store::certificates::in_use_by(cx.db(), std::slice::from_ref(&row.arn)).await?;
    let users = users.remove(&row.arn).unwrap_or_default();
    Ok(DescribeCertificateResponse {
        certificate: Some(view::detail(row, users, cx.now())),
    })
}
