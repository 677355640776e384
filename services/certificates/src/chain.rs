//! Whether a chain leads on from the leaf.

use x509_parser::error::X509Error;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::Flaw;

/// Each certificate is signed by the next one. Without a chain the leaf has to be signed by itself.
pub fn check(leaf: &X509Certificate<'_>, rest: &[Vec<u8>]) -> Result<(), Flaw> {
    if rest.is_empty() {
        return match is_signed_by(leaf, leaf) {
            true => Ok(()),
            false => Err(Flaw::NotSelfSigned),
        };
    }
    let mut parsed = Vec::with_capacity(rest.len());
    for der in rest {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Flaw::Chain)?;
        parsed.push(certificate);
    }
    let mut subject = leaf;
    for issuer in &parsed {
        if !is_signed_by(subject, issuer) {
            return Err(Flaw::BrokenChain);
        }
        subject = issuer;
    }
    Ok(())
}

fn is_signed_by(subject: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    if subject.issuer().as_raw() != issuer.subject().as_raw() {
        return false;
    }
    match subject.verify_signature(Some(issuer.public_key())) {
        Ok(()) => true,
        // An algorithm of authorities that we cannot check, such as P-521: the names have to do.
        Err(error) => matches!(error, X509Error::SignatureUnsupportedAlgorithm),
    }
}
