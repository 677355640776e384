//! A server certificate that can be used: parsed once for each revision.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use routing::Certificate;
use rustls::SignatureAlgorithm;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::TlsError;

/// A certificate with its key, and what the choice between several goes by.
#[derive(Debug)]
pub struct Identity {
    arn: Arc<str>,
    revision: i64,
    /// Serial number in hexadecimal, as in the logs of network balancers.
    serial: String,
    pub(super) key: Arc<CertifiedKey>,
    pub(super) names: Names,
    pub(super) merits: Merits,
}

/// Host names of a certificate, in lower case.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: Vec<String>,
    /// What follows the `*` of a wildcard, with its dot.
    suffixes: Vec<String>,
}

/// Facts by which one of several matching certificates is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merits {
    pub is_ecdsa: bool,
    pub expires: DateTime<Utc>,
    pub key_bits: usize,
    pub valid_from: DateTime<Utc>,
}

impl Identity {
    /// # Errors
    /// When chain or key are not PEM, are of a kind that TLS cannot use, or do not belong together.
    pub fn parse(certificate: &Certificate) -> Result<Self, TlsError> {
        let bad = |reason: String| TlsError::BadCertificate {
            arn: certificate.arn.clone(),
            reason,
        };
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(certificate.chain.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|error| bad(format!("its chain is not PEM: {error}")))?;
        let leaf = chain
            .first()
            .ok_or_else(|| bad("its chain is empty".to_owned()))?
            .clone();
        let private_key = PrivateKeyDer::from_pem_slice(certificate.private_key.as_bytes())
            .map_err(|error| bad(format!("its private key is not PEM: {error}")))?;
        let key = CertifiedKey::from_der(chain, private_key, &ring::default_provider())
            .map_err(|error| bad(error.to_string()))?;
        let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            arn: certificate.arn.as_str().into(),
            revision: certificate.revision,
            serial: super::mutual::serial(&parsed),
            names: Names::of(&parsed),
            merits: Merits::of(&parsed, key.key.algorithm()),
            key: Arc::new(key),
        })
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub(super) fn arn_shared(&self) -> Arc<str> {
        self.arn.clone()
    }

    pub fn revision(&self) -> i64 {
        self.revision
    }

    pub fn serial(&self) -> &str {
        &self.serial
    }
}

impl Names {
    /// Alternative names; the common name only where there is none.
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut names = Self::default();
        if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
            for name in &alternative.value.general_names {
                if let GeneralName::DNSName(name) = name {
                    names.add(name);
                }
            }
        }
        if names.exact.is_empty() && names.suffixes.is_empty() {
            let common = certificate.subject().iter_common_name();
            common
                .filter_map(|name| name.as_str().ok())
                .for_each(|name| names.add(name));
        }
        names
    }

    fn add(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => self.suffixes.push(suffix.to_owned()),
            _ => self.exact.push(name),
        }
    }

    pub fn has(&self, host: &str) -> bool {
        self.exact.iter().any(|name| name == host)
    }

    /// A wildcard stands for exactly one label.
    pub fn covers(&self, host: &str) -> bool {
        let Some(dot) = host.find('.').filter(|dot| *dot > 0) else {
            return false;
        };
        self.suffixes.iter().any(|suffix| *suffix == host[dot..])
    }
}

impl Merits {
    fn of(certificate: &X509Certificate<'_>, algorithm: SignatureAlgorithm) -> Self {
        let validity = certificate.validity();
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let key_bits = match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => key.key_size(),
            Ok(PublicKey::EC(point)) => point.key_size(),
            _ => 0,
        };
        Self {
            is_ecdsa: algorithm != SignatureAlgorithm::RSA,
            expires: time(validity.not_after.timestamp()),
            key_bits,
            valid_from: time(validity.not_before.timestamp()),
        }
    }

    /// Better ones compare as greater: ECDSA, not expired, the longer key, the newer.
    pub fn at(&self, now: DateTime<Utc>) -> impl Ord + use<> {
        (self.is_ecdsa, self.expires > now, self.key_bits, self.valid_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Names {
        let mut names = Names::default();
        all.iter().for_each(|name| names.add(name));
        names
    }

    #[test]
    fn lb39_a_wildcard_stands_for_one_label() {
        let names = names(&["*.Example.com", "example.com"]);
        assert!(names.covers("a.example.com") && names.has("example.com"));
        assert!(
            !names.covers("a.b.example.com") && !names.covers("example.com") && !names.covers(".example.com")
        );
    }

    #[test]
    fn lb39_text_that_is_no_certificate_is_named_as_such() {
        let certificate = Certificate {
            arn: "arn:c".into(),
            revision: 1,
            chain: "hello".into(),
            private_key: "-----BEGIN PRIVATE KEY-----".into(),
        };
        let error = Identity::parse(&certificate).unwrap_err();
        assert_eq!(
            error.to_string(),
            "certificate arn:c cannot be used: its chain is empty"
        );
    }
}
