use aws_model::Nothing;
use aws_model::acm::ErrorCode;
use aws_model::acm::types::DeleteCertificateRequest;
use store::Wake;
use store::certificates::Deleted;

use crate::acm::find;
use crate::{Context, Error, Result};

/// DeleteCertificate: refused while a listener shows it.
pub async fn delete_certificate(cx: &Context, input: DeleteCertificateRequest) -> Result<Nothing> {
    let arn = input.certificate_arn;
    find::check_arn(&arn)?;
    let mut tx = cx.db().begin().await?;
    match store::certificates::delete(&mut tx, &cx.scope, &arn).await? {
        Deleted::Done => cx.db().commit(tx, [Wake::Routes]).await?,
        Deleted::Absent => return Err(find::not_found(&arn)),
        Deleted::InUse => {
            return Err(Error::new(
                ErrorCode::ResourceInUseException,
                format!("Certificate {arn} in account {} is in use.", cx.scope.account),
            ));
        }
    }
    Ok(Nothing::default())
}
