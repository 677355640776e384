//! Server certificates: read from PEM, checked, and described (ACM's ImportCertificate, and what ACME directories issue).

mod chain;
mod facts;
mod key;
pub mod pem;

use chrono::{DateTime, Utc};
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

pub use facts::Facts;

/// Why something is no certificate that can be served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    #[error("The certificate could not be parsed: it is not a PEM-encoded X.509 certificate.")]
    Certificate,
    #[error(
        "The certificate field contains more than one certificate. You can specify only one certificate in this field."
    )]
    SeveralCertificates,
    #[error(
        "The certificate chain could not be parsed: it is not a sequence of PEM-encoded X.509 certificates."
    )]
    Chain,
    #[error("The private key could not be parsed: it is not a PEM-encoded private key.")]
    Key,
    #[error("The private key is encrypted. Remove its passphrase before you import it.")]
    EncryptedKey,
    #[error("The private key does not match the certificate.")]
    OtherKey,
    #[error(
        "The key algorithm {0} is not supported. Use RSA with 2048 to 8192 bits, EC_prime256v1 or EC_secp384r1."
    )]
    Algorithm(String),
    #[error("The certificate is not valid before {0}.")]
    NotYet(DateTime<Utc>),
    #[error("The certificate has expired on {0}.")]
    Expired(DateTime<Utc>),
    #[error(
        "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain."
    )]
    NotSelfSigned,
    #[error("Could not validate the certificate with the certificate chain.")]
    BrokenChain,
    #[error("The certificate names no domain: it has neither a common name nor a subject alternative name.")]
    NoName,
}

/// A certificate that can be served.
#[derive(Debug, Clone)]
pub struct Served {
    /// PEM of the leaf, written anew.
    pub certificate: String,
    /// PEM of the rest of the chain, the leaf's issuer first.
    pub chain: Option<String>,
    pub facts: Facts,
}

/// Reads a certificate, its key and the rest of its chain, and checks that they belong together and can be served at `now`.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub fn read(
    certificate: &[u8],
    private_key: &[u8],
    chain: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<Served, Flaw> {
    let leaves = pem::certificates(certificate).ok_or(Flaw::Certificate)?;
    let leaf = match leaves.as_slice() {
        [leaf] => leaf,
        _ => return Err(Flaw::SeveralCertificates),
    };
    let rest = match chain.filter(|chain| !chain.is_empty()) {
        Some(chain) => pem::certificates(chain).ok_or(Flaw::Chain)?,
        None => Vec::new(),
    };
    let served = belonging(leaf, &rest, private_key)?;
    if now < served.facts.not_before {
        return Err(Flaw::NotYet(served.facts.not_before));
    }
    match now >= served.facts.not_after {
        true => Err(Flaw::Expired(served.facts.not_after)),
        false => Ok(served),
    }
}

/// Reads what an ACME directory issued: the leaf and its chain in one text. Its clock may differ from ours.
///
/// # Errors
/// As [`read`].
pub fn read_issued(full_chain: &str, private_key: &[u8]) -> Result<Served, Flaw> {
    let all = pem::certificates(full_chain.as_bytes()).ok_or(Flaw::Certificate)?;
    let (leaf, rest) = all.split_first().ok_or(Flaw::Certificate)?;
    belonging(leaf, rest, private_key)
}

fn belonging(leaf: &[u8], rest: &[Vec<u8>], private_key: &[u8]) -> Result<Served, Flaw> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| Flaw::Certificate)?;
    let facts = Facts::of(&parsed)?;
    key::check(leaf, rest, private_key)?;
    chain::check(&parsed, rest)?;
    let rest: String = rest.iter().map(|der| pem::armoured("CERTIFICATE", der)).collect();
    Ok(Served {
        certificate: pem::armoured("CERTIFICATE", leaf),
        chain: Some(rest).filter(|rest| !rest.is_empty()),
        facts,
    })
}

/// The private key as text to be sealed: as it was given, from its first to its last line.
///
/// # Errors
/// [`Flaw::Key`].
pub fn key_text(private_key: &[u8]) -> Result<Zeroizing<String>, Flaw> {
    let text = std::str::from_utf8(private_key).map_err(|_| Flaw::Key)?;
    Ok(Zeroizing::new(format!("{}\n", text.trim())))
}

#[cfg(test)]
mod tests;
