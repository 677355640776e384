//! Certificates by their ARNs, with what AWS says about those that are not there.

use aws_model::acm::ErrorCode;
use domain::Arn;
use domain::arn::partition;
use store::certificates::CertificateRow;

use crate::{Context, Error, Result};

/// A fresh ARN.
pub fn new_arn(cx: &Context) -> String {
    let (region, account) = (&cx.scope.region, &cx.scope.account);
    let (partition, id) = (partition(region), cx.api.random.uuid());
    format!("arn:{partition}:acm:{region}:{account}:certificate/{id}")
}

/// Refuses what is no ARN of a certificate.
///
/// # Errors
/// InvalidArnException.
pub fn check_arn(text: &str) -> Result<()> {
    let arn: Option<Arn> = text.parse().ok();
    match arn.is_some_and(|arn| arn.service == "acm" && arn.kind() == "certificate" && arn.path().len() == 1)
    {
        true => Ok(()),
        false => Err(Error::new(
            ErrorCode::InvalidArnException,
            format!("The certificate ARN {text} is not valid."),
        )),
    }
}

/// What is said of a certificate that is not there.
pub fn not_found(arn: &str) -> Error {
    Error::new(
        ErrorCode::ResourceNotFoundException,
        format!("Could not find certificate {arn}."),
    )
}

/// The certificate with this ARN.
///
/// # Errors
/// InvalidArnException, ResourceNotFoundException.
pub async fn certificate(cx: &Context, arn: &str) -> Result<CertificateRow> {
    check_arn(arn)?;
    let found = store::certificates::find(cx.db(), &cx.scope, arn).await?;
    found.ok_or_else(|| not_found(arn))
}
