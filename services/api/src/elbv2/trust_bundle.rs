//! Bundles of certificate authorities and revocation lists, read from the operator's folder of objects (LB-39).

use std::path::{Component, Path, PathBuf};

use aws_model::elbv2::ErrorCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certificates::pem::armoured;
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::{Context, Error, Result};

/// Largest object that is read, in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;
/// Certificates of a trust store.
const AUTHORITIES: usize = 50;

/// The bundle in an object: its certificates alone, in PEM.
///
/// # Errors
/// CaCertificatesBundleNotFound, InvalidCaCertificatesBundle.
pub async fn authorities(cx: &Context, bucket: &str, key: &str, version: Option<&str>) -> Result<String> {
    let not_found = |reason: &str| {
        Error::new(
            ErrorCode::CaCertificatesBundleNotFoundException,
            format!("The CA certificates bundle '{key}' in bucket '{bucket}' was not found: {reason}"),
        )
    };
    let bytes = object(cx, bucket, key, version)
        .await
        .map_err(|reason| not_found(&reason))?;
    bundle(&bytes).map_err(|reason| {
        Error::new(
            ErrorCode::InvalidCaCertificatesBundleException,
            format!("The CA certificates bundle is not valid: {reason}"),
        )
    })
}

/// The revocation list in an object, in PEM, with the number of its entries.
///
/// # Errors
/// RevocationContentNotFound, InvalidRevocationContent.
pub async fn revocations(
    cx: &Context,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<(String, i64)> {
    let not_found = |reason: &str| {
        Error::new(
            ErrorCode::RevocationContentNotFoundException,
            format!("The revocation content '{key}' in bucket '{bucket}' was not found: {reason}"),
        )
    };
    let bytes = object(cx, bucket, key, version)
        .await
        .map_err(|reason| not_found(&reason))?;
    revocation_list(&bytes).map_err(|reason| {
        Error::new(
            ErrorCode::InvalidRevocationContentException,
            format!("The revocation content is not valid: {reason}"),
        )
    })
}

/// Reads `<objects>/<bucket>/<key>`: Berth has no S3. Says why it cannot.
async fn object(
    cx: &Context,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> std::result::Result<Vec<u8>, String> {
    let Some(folder) = &cx.api.config.objects else {
        return Err("this server has no folder of objects".to_owned());
    };
    if version.is_some() {
        return Err("objects in the server's folder have no versions".to_owned());
    }
    let path = place(folder, bucket, key).ok_or("the bucket or key is not valid")?;
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "there is no file of this name in the server's folder of objects".to_owned()
        }
        kind => format!("the file cannot be read ({kind})"),
    };
    let size = tokio::fs::metadata(&path).await.map_err(unreadable)?.len();
    if size > LIMIT {
        return Err(format!("it is larger than {LIMIT} bytes"));
    }
    tokio::fs::read(&path).await.map_err(unreadable)
}

/// Where an object stands; none for names that lead out of the folder.
fn place(folder: &Path, bucket: &str, key: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        let mut components = Path::new(part).components();
        !part.is_empty() && !part.contains('\0') && components.all(|c| matches!(c, Component::Normal(_)))
    };
    let valid = plain(bucket) && !bucket.contains('/') && plain(key);
    valid.then(|| folder.join(bucket).join(key))
}

fn bundle(bytes: &[u8]) -> std::result::Result<String, String> {
    let mut text = String::new();
    let mut count = 0;
    for pem in Pem::iter_from_buffer(bytes) {
        let pem = pem.map_err(|_| "it is not in PEM format".to_owned())?;
        if pem.label != "CERTIFICATE" {
            return Err(format!("it holds a '{}'", pem.label));
        }
        let certificate = pem
            .parse_x509()
            .map_err(|_| "a certificate in it cannot be read".to_owned())?;
        if !certificate.is_ca() {
            return Err(format!(
                "'{}' is not a certificate authority",
                certificate.subject()
            ));
        }
        text.push_str(&armoured("CERTIFICATE", &pem.contents));
        count += 1;
    }
    match count {
        0 => Err("it holds no certificate".to_owned()),
        1..=AUTHORITIES => Ok(text),
        _ => Err(format!("it holds more than {AUTHORITIES} certificates")),
    }
}

/// Takes PEM and DER.
fn revocation_list(bytes: &[u8]) -> std::result::Result<(String, i64), String> {
    let contents = match Pem::iter_from_buffer(bytes).next() {
        Some(Ok(pem)) if pem.label == "X509 CRL" => pem.contents,
        Some(Ok(pem)) => return Err(format!("it holds a '{}'", pem.label)),
        _ => bytes.to_vec(),
    };
    let (_, list) = CertificateRevocationList::from_der(&contents)
        .map_err(|_| "it is no certificate revocation list".to_owned())?;
    let entries = i64::try_from(list.iter_revoked_certificates().count()).unwrap_or(i64::MAX);
    Ok((armoured("X509 CRL", &contents), entries))
}

/// A URL that holds the text itself: AWS gives one that leads to S3.
pub fn location(media_type: &str, text: &str) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb39_no_key_leads_out_of_the_folder_of_objects() {
        let folder = Path::new("/objects");
        assert_eq!(place(folder, "b", "a/b.pem"), Some("/objects/b/a/b.pem".into()));
        for (bucket, key) in [
            ("..", "a"),
            ("b", "../a"),
            ("b", "a/../../c"),
            ("b", "/etc/passwd"),
            ("b/c", "a"),
            ("", "a"),
            ("b", ""),
            ("b", "a\0"),
        ] {
            assert_eq!(place(folder, bucket, key), None, "{bucket} {key}");
        }
    }

    #[test]
    fn lb39_what_is_no_bundle_is_refused_with_the_reason() {
        assert_eq!(bundle(b"").unwrap_err(), "it holds no certificate");
        let key = armoured("PRIVATE KEY", b"x");
        assert_eq!(bundle(key.as_bytes()).unwrap_err(), "it holds a 'PRIVATE KEY'");
        assert!(revocation_list(b"x").is_err());
    }
}
