//! What a certificate says of itself, in ACM's words.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage};
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::Flaw;

/// Facts of a leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The common name if it is one of a host, else the first alternative name.
    pub domain_name: String,
    /// The domain name among them.
    pub alternative_names: Vec<String>,
    /// Such as `CN=example.com`.
    pub subject: String,
    /// The issuer's organization, else its common name.
    pub issuer: String,
    /// Hex digits in pairs with colons.
    pub serial: String,
    /// Such as `RSA_2048` or `EC_prime256v1`.
    pub key_algorithm: String,
    /// Such as `SHA256WITHRSA`.
    pub signature_algorithm: String,
    /// Such as `DIGITAL_SIGNATURE`.
    pub key_usages: Vec<String>,
    /// Names such as `TLS_WEB_SERVER_AUTHENTICATION` with their object identifiers.
    pub extended_key_usages: Vec<(String, String)>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
}

impl Facts {
    /// # Errors
    /// [`Flaw::NoName`], [`Flaw::Algorithm`], [`Flaw::Certificate`].
    pub fn of(certificate: &X509Certificate<'_>) -> Result<Self, Flaw> {
        let common_name = attribute(certificate.subject().iter_common_name().next());
        let mut alternative_names = alternative_names(certificate);
        let domain_name = common_name
            .clone()
            .filter(|name| is_domain(name))
            .or_else(|| alternative_names.first().cloned())
            .or(common_name)
            .ok_or(Flaw::NoName)?;
        if !alternative_names.contains(&domain_name) {
            alternative_names.insert(0, domain_name.clone());
        }
        let issuer = certificate.issuer();
        let organization = attribute(issuer.iter_organization().next());
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(Flaw::Certificate);
        let validity = certificate.validity();
        Ok(Self {
            domain_name,
            alternative_names,
            subject: written(certificate.subject()),
            issuer: organization
                .or_else(|| attribute(issuer.iter_common_name().next()))
                .unwrap_or_else(|| written(issuer)),
            serial: certificate.raw_serial_as_string(),
            key_algorithm: key_algorithm(certificate.public_key())?,
            signature_algorithm: signature_algorithm(certificate),
            key_usages: key_usages(certificate),
            extended_key_usages: extended_key_usages(certificate),
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
        })
    }
}

fn attribute(attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>) -> Option<String> {
    let text = attribute?.as_str().ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Some names of subjects are no names of hosts.
fn is_domain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-.*_".contains(c);
    name.contains('.') && name.chars().all(allowed)
}

fn written(name: &X509Name<'_>) -> String {
    name.to_string().replace(", ", ",")
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

/// Names of the algorithms that can be served; others are refused by name.
fn key_algorithm(key: &SubjectPublicKeyInfo<'_>) -> Result<String, Flaw> {
    let curve = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(|any| any.as_oid().ok());
    let name = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA_{}", rsa.key_size()),
        Ok(PublicKey::EC(_)) => match curve.map(|oid| oid.to_id_string()).as_deref() {
            Some("1.2.840.10045.3.1.7") => "EC_prime256v1".to_owned(),
            Some("1.3.132.0.34") => "EC_secp384r1".to_owned(),
            Some("1.3.132.0.35") => "EC_secp521r1".to_owned(),
            other => format!("EC {}", other.unwrap_or_default()),
        },
        _ => key.algorithm.algorithm.to_id_string(),
    };
    let served = match name.strip_prefix("RSA_").map(str::parse::<u32>) {
        Some(bits) => bits.is_ok_and(|bits| (2048..=8192).contains(&bits)),
        None => matches!(name.as_str(), "EC_prime256v1" | "EC_secp384r1"),
    };
    match served {
        true => Ok(name),
        false => Err(Flaw::Algorithm(name)),
    }
}

fn signature_algorithm(certificate: &X509Certificate<'_>) -> String {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.5" => "SHA1WITHRSA",
        "1.2.840.113549.1.1.11" => "SHA256WITHRSA",
        "1.2.840.113549.1.1.12" => "SHA384WITHRSA",
        "1.2.840.113549.1.1.13" => "SHA512WITHRSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.10045.4.3.2" => "SHA256WITHECDSA",
        "1.2.840.10045.4.3.3" => "SHA384WITHECDSA",
        "1.2.840.10045.4.3.4" => "SHA512WITHECDSA",
        "1.3.101.112" => "ED25519",
        other => other,
    };
    name.to_owned()
}

fn key_usages(certificate: &X509Certificate<'_>) -> Vec<String> {
    type Has = fn(&KeyUsage) -> bool;
    const NAMES: [(&str, Has); 9] = [
        ("DIGITAL_SIGNATURE", KeyUsage::digital_signature),
        ("NON_REPUDIATION", KeyUsage::non_repudiation),
        ("KEY_ENCIPHERMENT", KeyUsage::key_encipherment),
        ("DATA_ENCIPHERMENT", KeyUsage::data_encipherment),
        ("KEY_AGREEMENT", KeyUsage::key_agreement),
        ("CERTIFICATE_SIGNING", KeyUsage::key_cert_sign),
        ("CRL_SIGNING", KeyUsage::crl_sign),
        ("ENCIPHER_ONLY", KeyUsage::encipher_only),
        ("DECIPHER_ONLY", KeyUsage::decipher_only),
    ];
    match certificate.key_usage() {
        Ok(Some(extension)) => NAMES
            .iter()
            .filter(|(_, has)| has(extension.value))
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        _ => Vec::new(),
    }
}

fn extended_key_usages(certificate: &X509Certificate<'_>) -> Vec<(String, String)> {
    type Has = fn(&ExtendedKeyUsage<'_>) -> bool;
    const NAMES: [(&str, &str, Has); 7] = [
        ("ANY", "2.5.29.37.0", |usage| usage.any),
        ("TLS_WEB_SERVER_AUTHENTICATION", "1.3.6.1.5.5.7.3.1", |usage| {
            usage.server_auth
        }),
        ("TLS_WEB_CLIENT_AUTHENTICATION", "1.3.6.1.5.5.7.3.2", |usage| {
            usage.client_auth
        }),
        ("CODE_SIGNING", "1.3.6.1.5.5.7.3.3", |usage| usage.code_signing),
        ("EMAIL_PROTECTION", "1.3.6.1.5.5.7.3.4", |usage| {
            usage.email_protection
        }),
        ("TIME_STAMPING", "1.3.6.1.5.5.7.3.8", |usage| usage.time_stamping),
        ("OCSP_SIGNING", "1.3.6.1.5.5.7.3.9", |usage| usage.ocsp_signing),
    ];
    let Ok(Some(extension)) = certificate.extended_key_usage() else {
        return Vec::new();
    };
    let known = NAMES.iter().filter(|(_, _, has)| has(extension.value));
    let known = known.map(|(name, oid, _)| ((*name).to_owned(), (*oid).to_owned()));
    let other = extension.value.other.iter();
    known
        .chain(other.map(|oid| ("CUSTOM".to_owned(), oid.to_id_string())))
        .collect()
}
