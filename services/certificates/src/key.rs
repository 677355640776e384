//! Whether a private key can serve a certificate.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::Flaw;

/// The key is one that our TLS signs with, and belongs to the leaf.
pub fn check(leaf: &[u8], rest: &[Vec<u8>], private_key: &[u8]) -> Result<(), Flaw> {
    let text = String::from_utf8_lossy(private_key);
    if text.contains("ENCRYPTED") {
        return Err(Flaw::EncryptedKey);
    }
    let key = PrivateKeyDer::from_pem_slice(private_key).map_err(|_| Flaw::Key)?;
    let key = any_supported_type(&key).map_err(|_| Flaw::Key)?;
    let chain = std::iter::once(leaf)
        .chain(rest.iter().map(Vec::as_slice))
        .map(|der| CertificateDer::from(der.to_vec()))
        .collect();
    match CertifiedKey::new(chain, key).keys_match() {
        Ok(()) => Ok(()),
        Err(_) => Err(Flaw::OtherKey),
    }
}
