//! Certificates as answers show them.

use aws_model::Timestamp;
use aws_model::acm::types::{
    CertificateDetail, CertificateExport, CertificateOptions, CertificateStatus, CertificateSummary,
    DomainStatus, DomainValidation, ExtendedKeyUsage, KeyUsage, RecordType, RenewalEligibility,
    RenewalSummary, ResourceRecord, ValidationMethod,
};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use store::certificates::CertificateRow;

fn stamp(time: Option<DateTime<Utc>>) -> Option<Timestamp> {
    time.map(Timestamp::from)
}

/// A certificate's status now: what is stored, or that it has expired.
pub fn status(row: &CertificateRow, now: DateTime<Utc>) -> Option<CertificateStatus> {
    match row.not_after {
        Some(end) if end <= now && row.status == "ISSUED" => Some(CertificateStatus::Expired),
        _ => row.status.parse().ok(),
    }
}

fn renewal_eligibility(row: &CertificateRow, in_use: bool) -> RenewalEligibility {
    match row.kind == "AMAZON_ISSUED" && row.status == "ISSUED" && in_use {
        true => RenewalEligibility::Eligible,
        false => RenewalEligibility::Ineligible,
    }
}

/// What DescribeCertificate shows.
pub fn detail(row: CertificateRow, users: Vec<String>, now: DateTime<Utc>) -> CertificateDetail {
    let (status, eligibility) = (status(&row, now), renewal_eligibility(&row, !users.is_empty()));
    let validations = validations(&row);
    let details = row.details.0;
    let renewal = details.renewal.as_ref().and_then(|(word, at)| {
        Some(RenewalSummary {
            renewal_status: word.parse().ok()?,
            domain_validation_options: validations.clone(),
            renewal_status_reason: None,
            updated_at: Timestamp::from(*at),
        })
    });
    let usages = details
        .extended_key_usages
        .into_iter()
        .map(|(name, oid)| ExtendedKeyUsage {
            name: name.parse().ok(),
            oid: Some(oid),
        });
    let key_usages = details.key_usages.into_iter().map(|name| KeyUsage {
        name: name.parse().ok(),
    });
    CertificateDetail {
        certificate_arn: Some(row.arn),
        domain_name: Some(row.domain_name),
        subject_alternative_names: Some(row.alternative_names),
        domain_validation_options: Some(validations).filter(|list| !list.is_empty()),
        serial: details.serial,
        subject: details.subject,
        issuer: details.issuer,
        created_at: Some(Timestamp::from(row.created_at)),
        issued_at: stamp(details.issued_at),
        imported_at: stamp(details.imported_at),
        status,
        not_before: stamp(row.not_before),
        not_after: stamp(row.not_after),
        key_algorithm: details.key_algorithm.and_then(|word| word.parse().ok()),
        signature_algorithm: details.signature_algorithm,
        in_use_by: Some(users),
        failure_reason: details.failure_reason.and_then(|word| word.parse().ok()),
        r#type: row.kind.parse().ok(),
        renewal_summary: renewal,
        key_usages: Some(key_usages.collect()),
        extended_key_usages: Some(usages.collect()),
        renewal_eligibility: Some(eligibility),
        options: Some(CertificateOptions {
            certificate_transparency_logging_preference: details
                .transparency_logging
                .and_then(|word| word.parse().ok()),
            export: Some(CertificateExport::Disabled),
        }),
        ..CertificateDetail::default()
    }
}

/// How the names of a requested certificate are validated. With DNS as AWS has it a record is shown, which clients wait for; the ACME
/// directory looks at the names' port 80 whatever was asked for.
fn validations(row: &CertificateRow) -> Vec<DomainValidation> {
    let method: Option<ValidationMethod> = match (&row.details.validation_method, row.kind.as_str()) {
        (Some(word), "AMAZON_ISSUED") => word.parse().ok(),
        _ => return Vec::new(),
    };
    let status = match row.status.as_str() {
        "ISSUED" => DomainStatus::Success,
        "PENDING_VALIDATION" => DomainStatus::PendingValidation,
        _ => DomainStatus::Failed,
    };
    let of = |name: &String| DomainValidation {
        domain_name: name.clone(),
        validation_domain: Some(name.clone()),
        validation_status: Some(status),
        resource_record: (method == Some(ValidationMethod::Dns)).then(|| record(&row.account, name)),
        validation_method: method,
        ..DomainValidation::default()
    };
    row.alternative_names.iter().map(of).collect()
}

/// The same record for a name whenever it is asked for in an account.
fn record(account: &str, name: &str) -> ResourceRecord {
    let digest = hex::encode(Sha256::digest(format!("{account}\n{name}")));
    let (label, value) = digest.split_at(32);
    ResourceRecord {
        name: format!("_{label}.{name}."),
        r#type: RecordType::Cname,
        value: format!("_{value}.acm-validations.aws."),
    }
}

/// Alternative names that ListCertificates shows.
const NAMES_SHOWN: usize = 100;

/// What ListCertificates shows.
pub fn summary(row: CertificateRow, in_use: bool, now: DateTime<Utc>) -> CertificateSummary {
    let (status, eligibility) = (status(&row, now), renewal_eligibility(&row, in_use));
    let details = row.details.0;
    let more = row.alternative_names.len() > NAMES_SHOWN;
    let usages = details
        .extended_key_usages
        .iter()
        .filter_map(|(name, _)| name.parse().ok());
    CertificateSummary {
        certificate_arn: Some(row.arn),
        domain_name: Some(row.domain_name),
        subject_alternative_name_summaries: Some(
            row.alternative_names.into_iter().take(NAMES_SHOWN).collect(),
        ),
        has_additional_subject_alternative_names: Some(more),
        status,
        r#type: row.kind.parse().ok(),
        key_algorithm: details.key_algorithm.as_ref().and_then(|word| word.parse().ok()),
        key_usages: Some(
            details
                .key_usages
                .iter()
                .filter_map(|word| word.parse().ok())
                .collect(),
        ),
        extended_key_usages: Some(usages.collect()),
        export_option: Some(CertificateExport::Disabled),
        in_use: Some(in_use),
        exported: Some(false),
        renewal_eligibility: Some(eligibility),
        not_before: stamp(row.not_before),
        not_after: stamp(row.not_after),
        created_at: Some(Timestamp::from(row.created_at)),
        issued_at: stamp(details.issued_at),
        imported_at: stamp(details.imported_at),
        revoked_at: None,
        managed_by: None,
    }
}
