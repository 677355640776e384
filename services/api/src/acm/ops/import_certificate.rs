use auth::Secret;
use aws_model::acm::ErrorCode;
use aws_model::acm::types::{ImportCertificateRequest, ImportCertificateResponse};
use certificates::{Facts, Flaw};
use chrono::{DateTime, Utc};
use store::Wake;
use store::certificates::{Details, Material};

use crate::acm::{find, quota, tags};
use crate::{Context, Error, Result};

/// ImportCertificate: under a new ARN, or again under one that was imported before; listeners show the new one at once.
pub async fn import_certificate(
    cx: &Context,
    input: ImportCertificateRequest,
) -> Result<ImportCertificateResponse> {
    let tags = tags::checked(input.tags)?;
    let chain = input.certificate_chain.as_ref().map(|chain| chain.0.as_slice());
    let served =
        certificates::read(&input.certificate.0, &input.private_key.0, chain, cx.now()).map_err(flawed)?;
    let key = certificates::key_text(&input.private_key.0).map_err(flawed)?;
    let (arn, again) = match input.certificate_arn {
        Some(arn) => {
            find::check_arn(&arn)?;
            (arn, true)
        }
        None => (find::new_arn(cx), false),
    };
    if again && !tags.is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidParameterException,
            "Tags cannot be specified when a certificate is imported again.",
        ));
    }
    let material = Material {
        certificate: served.certificate,
        chain: served.chain,
        sealed_private_key: cx.api.vault.seal(&arn, &Secret::new(key.as_str())),
        domain_name: served.facts.domain_name.clone(),
        alternative_names: served.facts.alternative_names.clone(),
        not_before: served.facts.not_before,
        not_after: served.facts.not_after,
        details: details(served.facts, cx.now()),
    };
    let mut tx = cx.db().begin().await?;
    if again {
        if !store::certificates::reimport(&mut tx, &cx.scope, &arn, &material).await? {
            return Err(find::not_found(&arn));
        }
    } else {
        store::certificates::create_alone(&mut tx, &cx.scope).await?;
        quota::check(cx, &mut tx).await?;
        store::certificates::import(&mut tx, &cx.scope, &arn, &material, cx.now()).await?;
        tags::put(cx, &mut tx, &arn, tags).await?;
    }
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(ImportCertificateResponse {
        certificate_arn: Some(arn),
    })
}

fn flawed(flaw: Flaw) -> Error {
    Error::new(ErrorCode::ValidationException, flaw.to_string())
}

fn details(facts: Facts, now: DateTime<Utc>) -> Details {
    Details {
        subject: Some(facts.subject),
        issuer: Some(facts.issuer),
        serial: Some(facts.serial),
        key_algorithm: Some(facts.key_algorithm),
        signature_algorithm: Some(facts.signature_algorithm),
        key_usages: facts.key_usages,
        extended_key_usages: facts.extended_key_usages,
        imported_at: Some(now),
        transparency_logging: Some("DISABLED".to_owned()),
        ..Details::default()
    }
}
