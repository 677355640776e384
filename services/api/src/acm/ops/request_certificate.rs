use aws_model::acm::ErrorCode;
use aws_model::acm::types::{
    CertificateExport, KeyAlgorithm, RequestCertificateRequest, RequestCertificateResponse, ValidationMethod,
};
use chrono::TimeDelta;
use store::Wake;
use store::acme::Issuing;
use store::certificates::{Details, NewRequest};

use crate::acm::{domain_names, find, quota, tags};
use crate::{Context, Error, Result};

/// How long an idempotency token holds.
const TOKEN: TimeDelta = TimeDelta::hours(1);

/// RequestCertificate: issued over ACME, if the operator named a directory; names are validated over HTTP through the proxies.
pub async fn request_certificate(
    cx: &Context,
    input: RequestCertificateRequest,
) -> Result<RequestCertificateResponse> {
    refuse_what_is_not_issued(cx, &input)?;
    let tags = tags::checked(input.tags)?;
    let names = domain_names::requested(
        &input.domain_name,
        input.subject_alternative_names.unwrap_or_default(),
    )?;
    let algorithm = input.key_algorithm.unwrap_or(KeyAlgorithm::EcPrime256v1);
    let options = input.options.unwrap_or_default();
    let logging = options.certificate_transparency_logging_preference;
    let arn = find::new_arn(cx);
    let new = NewRequest {
        arn: arn.clone(),
        domain_name: names[0].clone(),
        alternative_names: names,
        details: Details {
            key_algorithm: Some(algorithm.to_string()),
            transparency_logging: Some(logging.map_or_else(|| "ENABLED".to_owned(), |word| word.to_string())),
            validation_method: Some(
                input
                    .validation_method
                    .unwrap_or(ValidationMethod::Dns)
                    .to_string(),
            ),
            ..Details::default()
        },
        idempotency_token: input.idempotency_token,
        issuing: Issuing {
            since: Some(cx.now()),
            ..Issuing::default()
        },
    };
    let mut tx = cx.db().begin().await?;
    store::certificates::create_alone(&mut tx, &cx.scope).await?;
    if let Some(token) = &new.idempotency_token {
        let since = cx.now() - TOKEN;
        let there = store::certificates::by_token(&mut tx, &cx.scope, token, since).await?;
        if let Some(there) = there.filter(|there| there.alternative_names == new.alternative_names) {
            return Ok(RequestCertificateResponse {
                certificate_arn: Some(there.arn),
            });
        }
    }
    quota::check(cx, &mut tx).await?;
    store::certificates::request(&mut tx, &cx.scope, &new, cx.now()).await?;
    tags::put(cx, &mut tx, &arn, tags).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(RequestCertificateResponse {
        certificate_arn: Some(arn),
    })
}

fn refuse_what_is_not_issued(cx: &Context, input: &RequestCertificateRequest) -> Result<()> {
    let invalid = |text: &str| Err(Error::new(ErrorCode::InvalidParameterException, text));
    if !cx.api.config.issues_certificates {
        return invalid(
            "This Berth issues no certificates: its operator named no ACME directory. Use ImportCertificate.",
        );
    }
    if input.certificate_authority_arn.is_some() {
        return invalid(
            "Certificates of private certificate authorities are not issued: CertificateAuthorityArn.",
        );
    }
    if input.managed_by.is_some() {
        return invalid("Certificates are not managed by other services: ManagedBy.");
    }
    if input
        .options
        .as_ref()
        .is_some_and(|options| options.export == Some(CertificateExport::Enabled))
    {
        return invalid("Certificates cannot be exported: Options.Export.");
    }
    if input.validation_method == Some(ValidationMethod::Email) {
        return invalid("Names are not validated by mail: ValidationMethod EMAIL.");
    }
    match input.key_algorithm {
        None | Some(KeyAlgorithm::EcPrime256v1 | KeyAlgorithm::EcSecp384r1) => Ok(()),
        Some(other) => Err(Error::new(
            ErrorCode::InvalidParameterException,
            format!("Certificates with {other} keys are not issued. Use EC_prime256v1 or EC_secp384r1."),
        )),
    }
}
