//! PEM in and out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// All certificates of a text in DER; none if there is none, or something else in between.
pub fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = text.windows(11).filter(|part| part == b"-----BEGIN ").count();
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found: Vec<Vec<u8>> = parsed
        .ok()?
        .into_iter()
        .map(|der| der.as_ref().to_vec())
        .collect();
    (!found.is_empty() && found.len() == blocks).then_some(found)
}

/// PEM of DER.
pub fn armoured(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
