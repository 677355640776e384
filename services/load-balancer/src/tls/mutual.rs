//! Mutual authentication: who has to show a certificate, and what the target is told of it (LB-39).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use routing::snapshot::MutualAuthentication;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::TlsError;

/// The certificate that a client showed, as headers and logs tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// As RFC 2253 writes names: `CN=client,O=berth,C=DE`.
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal, upper case.
    pub serial: String,
    /// `NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z`
    pub validity: String,
}

impl ClientCertificate {
    /// None when the certificate is not one of X.509.
    pub fn parse(leaf: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
        let time = |seconds| {
            let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
            time.to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        let validity = certificate.validity();
        Some(Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            serial: serial(&certificate),
            validity: format!(
                "NotBefore={};NotAfter={}",
                time(validity.not_before.timestamp()),
                time(validity.not_after.timestamp())
            ),
        })
    }
}

/// The headers that a target gets of a client's chain, by the listener's mode.
pub(super) fn headers(mode: &MutualAuthentication, chain: &[CertificateDer<'_>]) -> Vec<(String, String)> {
    let Some(leaf) = chain.first() else {
        return Vec::new();
    };
    let texts = match (mode, ClientCertificate::parse(leaf)) {
        (MutualAuthentication::Off, _) | (MutualAuthentication::Verify { .. }, None) => Vec::new(),
        (MutualAuthentication::Passthrough, _) => vec![("X-Amzn-Mtls-Clientcert", encoded_pem(chain))],
        (MutualAuthentication::Verify { .. }, Some(client)) => vec![
            ("X-Amzn-Mtls-Clientcert-Serial-Number", client.serial),
            ("X-Amzn-Mtls-Clientcert-Issuer", client.issuer),
            ("X-Amzn-Mtls-Clientcert-Subject", client.subject),
            ("X-Amzn-Mtls-Clientcert-Validity", client.validity),
            ("X-Amzn-Mtls-Clientcert-Leaf", encoded_pem(&chain[..1])),
        ],
    };
    let sendable = texts
        .into_iter()
        .filter(|(_, value)| !value.chars().any(char::is_control));
    sendable.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// PEM, URL-encoded with `+=/` left as they are.
fn encoded_pem(chain: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in chain {
        text.push_str("-----BEGIN%20CERTIFICATE-----%0A");
        let base64 = STANDARD.encode(certificate);
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push_str("%0A");
            rest = after;
        }
        text.push_str("-----END%20CERTIFICATE-----%0A");
    }
    text
}

pub(super) fn serial(certificate: &X509Certificate<'_>) -> String {
    let raw = certificate.raw_serial();
    // A leading zero byte only says that the number is not negative.
    let digits = raw
        .strip_prefix(&[0])
        .filter(|rest| !rest.is_empty())
        .unwrap_or(raw);
    hex::encode_upper(digits)
}

/// A distinguished name in the order and with the escapes of RFC 2253.
fn name(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_rdn()
        .map(|set| {
            let attributes: Vec<String> = set
                .iter()
                .map(|attribute| {
                    let id = attribute.attr_type().to_id_string();
                    let value = attribute.as_str().map_or_else(
                        |_| format!("#{}", hex::encode(attribute.attr_value().data)),
                        escaped,
                    );
                    format!("{}={value}", short_name(&id).unwrap_or(&id))
                })
                .collect();
            attributes.join("+")
        })
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn short_name(id: &str) -> Option<&'static str> {
    Some(match id {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (position, character) in value.chars().enumerate() {
        let at_edge =
            (character == ' ' && (position == 0 || position == last)) || (character == '#' && position == 0);
        if at_edge || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// What asks clients for certificates; none: nobody is asked.
pub(super) fn verifier(
    mode: &MutualAuthentication,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let MutualAuthentication::Verify {
        trust_store,
        authorities,
        revocations,
        ignore_expiry,
        advertise_authorities,
    } = mode
    else {
        let anybody = Anybody {
            provider: provider.clone(),
        };
        let passthrough = *mode == MutualAuthentication::Passthrough;
        return Ok(passthrough.then(|| Arc::new(anybody) as Arc<dyn ClientCertVerifier>));
    };
    let bad = |reason: String| TlsError::BadTrustStore {
        name: trust_store.clone(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        let authority = authority.map_err(|error| bad(format!("its bundle is not PEM: {error}")))?;
        roots.add(authority).map_err(|error| bad(error.to_string()))?;
    }
    let mut lists = Vec::new();
    for pem in revocations {
        for list in CertificateRevocationListDer::pem_slice_iter(pem.as_bytes()) {
            lists.push(list.map_err(|error| bad(format!("a revocation list is not PEM: {error}")))?);
        }
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).with_crls(lists);
    // Only what a list names is revoked; a client whose authority has no list is let in.
    builder = builder.allow_unknown_revocation_status();
    if !advertise_authorities {
        builder = builder.clear_root_hint_subjects();
    }
    let verifier = builder.build().map_err(|error| bad(error.to_string()))?;
    Ok(Some(if *ignore_expiry {
        Arc::new(EvenExpired { inner: verifier })
    } else {
        verifier
    }))
}

/// Takes any certificate, or none, of a client that holds its key (passthrough).
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Checks as the inner one does, but takes a leaf that has expired (`IgnoreClientCertificateExpiry`).
#[derive(Debug)]
struct EvenExpired {
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for EvenExpired {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let expires = X509Certificate::from_der(end_entity)
            .ok()
            .and_then(|(_, certificate)| u64::try_from(certificate.validity().not_after.timestamp()).ok());
        let then = expires.map_or(now, |expires| {
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(expires.min(now.as_secs())))
        });
        self.inner.verify_client_cert(end_entity, intermediates, then)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb39_names_are_escaped_as_rfc_2253_says() {
        assert_eq!(escaped("a,b+c"), "a\\,b\\+c");
        assert_eq!(escaped(" x "), "\\ x\\ ");
        assert_eq!(escaped("#1#"), "\\#1#");
    }

    #[test]
    fn lb39_a_passed_on_chain_is_url_encoded_pem_in_lines_of_64() {
        let text = encoded_pem(&[CertificateDer::from(vec![0xfb; 60])]);
        let lines: Vec<&str> = text.split("%0A").collect();
        assert_eq!(lines[0], "-----BEGIN%20CERTIFICATE-----");
        assert_eq!((lines[1].len(), lines[2].len()), (64, 16));
        assert_eq!(lines[3], "-----END%20CERTIFICATE-----");
    }
}
