//! Reading from `https://` addresses, which is rare: everything that TLS needs is made for one request and dropped after it, so that an
//! idle agent keeps nothing of it in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};

use super::HttpError;

/// Reads what stands at an `https://` address. Its certificate must be good by the host's own list of authorities.
///
/// # Errors
/// When there is no answer in time, it is not 200, or the other side cannot be trusted.
pub async fn get(uri: &Uri, timeout: Duration) -> Result<Bytes, HttpError> {
    // The list is a file of some hundred kilobytes.
    let trusting = tokio::task::spawn_blocking(|| builder().and_then(ConfigBuilderExt::with_native_roots));
    let no_roots = |reason: String| HttpError::NoAnswer {
        uri: uri.to_string(),
        reason: format!("the host's certificate authorities could not be read: {reason}"),
    };
    let trusting = trusting.await.map_err(|e| no_roots(e.to_string()))?;
    get_trusting(trusting.map_err(|e| no_roots(e.to_string()))?, uri, timeout).await
}

/// A builder with a provider of its own: the one of the process is a matter of who else is linked in.
fn builder() -> std::io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)
}

async fn get_trusting(
    trusting: ConfigBuilder<ClientConfig, WantsClientCert>,
    uri: &Uri,
    timeout: Duration,
) -> Result<Bytes, HttpError> {
    let mut plain = super::connector();
    plain.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(trusting.with_no_client_auth())
        .https_only()
        .enable_http1()
        .wrap_connector(plain);
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    super::get(&client, uri, timeout).await
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use rustls::{RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// For 127.0.0.1, signed by itself.
    const CERTIFICATE: &[u8] = include_bytes!("fixture/certificate.der");
    const KEY: &[u8] = include_bytes!("fixture/key.der");

    /// A server that answers every request with `text`; gives its address.
    async fn serve(text: &'static str) -> Uri {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(CERTIFICATE)],
                PrivatePkcs8KeyDer::from(KEY).into(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust the certificate hangs up.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        format!("https://{address}/web.env").parse().unwrap()
    }

    #[tokio::test]
    async fn what_stands_at_an_https_address_is_read() {
        let uri = serve("A=1\n").await;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(CERTIFICATE)).unwrap();
        let trusting = builder().unwrap().with_root_certificates(roots);
        let body = get_trusting(trusting, &uri, Duration::from_secs(20))
            .await
            .unwrap();
        assert_eq!(body, "A=1\n");
    }

    #[tokio::test]
    async fn a_server_that_the_host_does_not_trust_is_refused() {
        let uri = serve("A=1\n").await;
        let error = get(&uri, Duration::from_secs(20)).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("no answer from {uri}: ")), "{error}");
    }
}
