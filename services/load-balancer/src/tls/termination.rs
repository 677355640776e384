//! A listener's side of the handshake.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use routing::snapshot::{ListenerTls, MutualAuthentication};
use rustls::server::{
    Acceptor, NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::alpn::Alpn;
use super::certificate::Identity;
use super::mutual::{self, ClientCertificate};
use super::selection::{Offer, choose};
use super::{TlsError, policy};
use crate::record::TlsFacts;

/// A client has this long for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Sessions of TLS 1.2 clients without tickets that are kept for each listener.
const KEPT_SESSIONS: usize = 4096;

/// How a listener takes TLS connections.
pub struct Termination {
    /// One configuration for each certificate, the default first: the choice is made by us, so that it is known to headers and logs.
    choices: Vec<(Arc<Identity>, Arc<ServerConfig>)>,
    mutual: MutualAuthentication,
    complaints: Vec<TlsError>,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Accepted<S> {
    pub stream: TlsStream<S>,
    /// For headers and request logs.
    pub facts: TlsFacts,
    /// For logs of connections and of network balancers.
    pub handshake: Handshake,
}

/// What else is known of a connection by its handshake.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// Key exchange, such as `X25519`.
    pub named_group: Option<String>,
    /// Negotiated application protocol.
    pub alpn: Option<Vec<u8>>,
    /// Protocols that the client offered, in its order.
    pub client_alpn: Vec<Vec<u8>>,
    /// The certificate that was shown to the client.
    pub identity: Arc<Identity>,
    /// What the client showed, with mutual authentication.
    pub client: Option<ClientCertificate>,
    pub took: Duration,
}

/// Why a connection did not get through its handshake (ClientTLSNegotiationErrorCount).
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error("the client did not finish its handshake in time")]
    TimedOut,
    #[error("the handshake failed: {0}")]
    Failed(#[source] io::Error),
}

/// What lets clients take up former sessions. Shared by the configurations that follow each other on a listener.
#[derive(Clone)]
pub(super) struct Resumption {
    tickets: Option<Arc<dyn ProducesTickets>>,
    sessions: Arc<dyn StoresServerSessions + Send + Sync>,
}

impl Resumption {
    pub fn new() -> Self {
        match rustls::crypto::ring::Ticketer::new() {
            Ok(tickets) => Self {
                tickets: Some(tickets),
                sessions: ServerSessionMemoryCache::new(KEPT_SESSIONS),
            },
            // Without randomness there is no resumption, and full handshakes will fail by themselves.
            Err(_) => Self {
                tickets: None,
                sessions: Arc::new(NoServerSessionStorage {}),
            },
        }
    }
}

impl Termination {
    pub(super) fn new(
        tls: &ListenerTls,
        alpn: Alpn,
        identities: &[Arc<Identity>],
        resumption: &Resumption,
        complaints: Vec<TlsError>,
    ) -> Result<Self, TlsError> {
        let policy = policy::named(&tls.policy)?;
        let provider = policy::provider(policy);
        let verifier = mutual::verifier(&tls.mutual, &provider)?;
        let choice = |identity: &Arc<Identity>| {
            let bad = |error: rustls::Error| TlsError::BadCertificate {
                arn: identity.arn().to_owned(),
                reason: error.to_string(),
            };
            let builder = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&policy::versions(policy))
                .map_err(bad)?;
            let builder = match &verifier {
                Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
                None => builder.with_no_client_auth(),
            };
            let shown = rustls::sign::SingleCertAndKey::from(identity.key.clone());
            let mut config = builder.with_cert_resolver(Arc::new(shown));
            config.alpn_protocols = alpn.protocols();
            config.ignore_client_order = true;
            config.session_storage = resumption.sessions.clone();
            if let Some(tickets) = &resumption.tickets {
                config.ticketer = tickets.clone();
            }
            Ok((identity.clone(), Arc::new(config)))
        };
        Ok(Self {
            choices: identities.iter().map(choice).collect::<Result<_, TlsError>>()?,
            mutual: tls.mutual.clone(),
            complaints,
        })
    }

    /// Certificates that were to be chosen by SNI but cannot be: the listener works without them.
    pub fn complaints(&self) -> &[TlsError] {
        &self.complaints
    }

    /// Takes a client's handshake.
    ///
    /// # Errors
    /// When it does not succeed within ten seconds. The client has been told by an alert, if there was anybody to tell.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<Accepted<S>, HandshakeError> {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, self.handshake(stream))
            .await
            .map_err(|_| HandshakeError::TimedOut)?
            .map_err(HandshakeError::Failed)
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<Accepted<S>> {
        let began = Instant::now();
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let (chosen, client_alpn) = {
            let hello = start.client_hello();
            let offer = Offer {
                server_name: hello.server_name(),
                schemes: hello.signature_schemes(),
                suites: hello.cipher_suites(),
            };
            let identities = self.choices.iter().map(|(identity, _)| identity.as_ref());
            let alpn = hello
                .alpn()
                .map(|names| names.map(<[u8]>::to_vec).collect())
                .unwrap_or_default();
            (choose(identities, offer, Utc::now()), alpn)
        };
        let (identity, config) = &self.choices[chosen];
        let stream = start.into_stream(config.clone()).await?;
        let connection = stream.get_ref().1;
        let facts = self.facts(connection, identity);
        let handshake = Handshake {
            named_group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name())),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            client_alpn,
            identity: identity.clone(),
            client: connection
                .peer_certificates()
                .and_then(|chain| ClientCertificate::parse(chain.first()?)),
            took: began.elapsed(),
        };
        Ok(Accepted {
            stream,
            facts,
            handshake,
        })
    }

    fn facts(&self, connection: &ServerConnection, identity: &Identity) -> TlsFacts {
        let chain = connection.peer_certificates().unwrap_or_default();
        TlsFacts {
            protocol: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .map_or("-", |suite| policy::cipher_name(suite.suite())),
            server_name: connection.server_name().map(Arc::from),
            certificate: Some(identity.arn_shared()),
            client_certificate_headers: mutual::headers(&self.mutual, chain),
            h2: connection.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl std::fmt::Debug for Termination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Termination")
            .field("certificates", &self.choices.len())
            .finish_non_exhaustive()
    }
}
