use aws_model::elbv2::types::{
    GetTrustStoreCaCertificatesBundleInput, GetTrustStoreCaCertificatesBundleOutput,
};
use domain::ElbKind;

use crate::elbv2::{find, trust_bundle};
use crate::{Context, Result};

/// GetTrustStoreCaCertificatesBundle: the location is a `data:` URL with the bundle itself.
pub async fn get_trust_store_ca_certificates_bundle(
    cx: &Context,
    input: GetTrustStoreCaCertificatesBundleInput,
) -> Result<GetTrustStoreCaCertificatesBundleOutput> {
    let arn = input.trust_store_arn;
    find::check_arn(&arn, ElbKind::TrustStore)?;
    let bundle = store::trust_stores::bundle(cx.db(), &cx.scope, &arn).await?;
    let bundle = bundle.ok_or_else(|| find::not_found(ElbKind::TrustStore, &arn))?;
    Ok(GetTrustStoreCaCertificatesBundleOutput {
        location: Some(trust_bundle::location("application/x-pem-file", &bundle)),
    })
}
