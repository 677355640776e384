//! TLS to targets. A load balancer encrypts towards its targets but takes any certificate that they show, as ELB does: names and
//! expiry of certificates on hosts of one's own are nobody's business.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Client configurations for HTTPS and TLS targets, one for each protocol that is asked for. Clones share them.
#[derive(Clone)]
pub struct TargetTls {
    plain: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    http10: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl TargetTls {
    pub fn new() -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = |protocol: Option<&[u8]>| {
            let mut config = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("ring has suites for all versions")
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyTarget {
                    provider: provider.clone(),
                }))
                .with_no_client_auth();
            config.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
            Arc::new(config)
        };
        Self {
            plain: config(None),
            http1: config(Some(b"http/1.1")),
            http10: config(Some(b"http/1.0")),
            http2: config(Some(b"h2")),
        }
    }

    /// Encrypts a connection to the target at `address`, asking for the protocol `alpn` (`h2`, `http/1.1`, `http/1.0`) or for none.
    ///
    /// # Errors
    /// When the target does not speak TLS, or refuses.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        address: IpAddr,
        alpn: Option<&[u8]>,
    ) -> io::Result<TlsStream<S>> {
        let config = match alpn {
            Some(b"h2") => &self.http2,
            Some(b"http/1.1") => &self.http1,
            Some(b"http/1.0") => &self.http10,
            _ => &self.plain,
        };
        TlsConnector::from(config.clone())
            .connect(ServerName::IpAddress(address.into()), stream)
            .await
    }
}

impl Default for TargetTls {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for TargetTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TargetTls")
    }
}

/// Believes any certificate, even those of versions that cannot be parsed.
#[derive(Debug)]
struct AnyTarget {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyTarget {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
