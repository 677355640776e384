use std::collections::BTreeSet;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{AddListenerCertificatesInput, AddListenerCertificatesOutput, Certificate};
use store::{Wake, routes};

use crate::elbv2::{limits, listener_spec, listeners};
use crate::{Context, Error, Result};

/// AddListenerCertificates: certificates that are chosen by SNI (LB-39). Those that are there already do no harm.
pub async fn add_listener_certificates(
    cx: &Context,
    input: AddListenerCertificatesInput,
) -> Result<AddListenerCertificatesOutput> {
    let arns = named(input.certificates)?;
    let mut tx = cx.db().begin().await?;
    let (balancer, listener) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    if listener.certificate_arn.is_none() {
        return Err(Error::new(
            ErrorCode::InvalidConfigurationRequestException,
            format!("Certificates cannot be added to {} listeners", listener.protocol),
        ));
    }
    listener_spec::hold_certificates(&mut tx, &cx.scope, &arns).await?;
    store::listeners::add_certificates(&mut tx, &listener.arn, &arns).await?;
    let all = store::listeners::sni_certificates(&mut tx, &listener.arn).await?;
    if all.len() > limits::CERTIFICATES {
        return Err(Error::new(
            ErrorCode::TooManyCertificatesException,
            format!(
                "A listener cannot have more than '{}' certificates besides the default one",
                limits::CERTIFICATES
            ),
        ));
    }
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    let added = arns.into_iter().map(|arn| Certificate {
        certificate_arn: Some(arn),
        is_default: Some(false),
    });
    Ok(AddListenerCertificatesOutput {
        certificates: Some(added.collect()),
    })
}

/// The ARNs of a request's certificates, each once.
///
/// # Errors
/// ValidationError for none, or one without an ARN or with `IsDefault`.
pub(super) fn named(certificates: Vec<Certificate>) -> Result<Vec<String>> {
    if certificates.is_empty() {
        return Err(Error::validation("At least one certificate must be specified"));
    }
    let mut arns = BTreeSet::new();
    for certificate in certificates {
        if certificate.is_default == Some(true) {
            return Err(Error::validation(
                "The default certificate of a listener is set with ModifyListener",
            ));
        }
        let arn = certificate
            .certificate_arn
            .ok_or_else(|| Error::validation("A certificate ARN must be specified"))?;
        arns.insert(arn);
    }
    Ok(arns.into_iter().collect())
}
