use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{RemoveListenerCertificatesInput, RemoveListenerCertificatesOutput};
use store::{Wake, routes};

use super::add_listener_certificates::named;
use crate::elbv2::listeners;
use crate::{Context, Error, Result};

/// RemoveListenerCertificates: takes SNI certificates away; the default one stays (LB-39).
pub async fn remove_listener_certificates(
    cx: &Context,
    input: RemoveListenerCertificatesInput,
) -> Result<RemoveListenerCertificatesOutput> {
    let arns = named(input.certificates)?;
    let mut tx = cx.db().begin().await?;
    let (balancer, listener) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    let added = store::listeners::sni_certificates(&mut tx, &listener.arn).await?;
    let default = listener.certificate_arn.as_ref();
    if arns
        .iter()
        .any(|arn| Some(arn) == default && !added.contains(arn))
    {
        return Err(Error::new(
            ErrorCode::OperationNotPermittedException,
            "The default certificate of a listener cannot be removed",
        ));
    }
    store::listeners::remove_certificates(&mut tx, &listener.arn, &arns).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(RemoveListenerCertificatesOutput::default())
}
