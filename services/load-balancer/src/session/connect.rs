//! The signed websocket to the server, plain or over TLS.

use std::sync::Arc;
use std::time::Duration;

use auth::Signer;
use chrono::{DateTime, Utc};
use http::{Request, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::SessionConfig;

const PATIENCE: Duration = Duration::from_secs(10);
/// Longest message that is read: a trust store, or a group of a thousand targets, is far below.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// Why there is no session.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("{0} is no http:// or https:// address")]
    Address(String),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("the server refuses with status {status}: {text}")]
    Refused { status: u16, text: String },
    #[error("the websocket does not come about: {0}")]
    Handshake(String),
}

/// Bytes to the server and back.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens the session's websocket.
pub(super) async fn open(config: &SessionConfig, now: DateTime<Utc>) -> Result<Socket, ConnectError> {
    timeout(PATIENCE, opened(config, now))
        .await
        .map_err(|_| ConnectError::TimedOut)?
}

async fn opened(config: &SessionConfig, now: DateTime<Utc>) -> Result<Socket, ConnectError> {
    let bad = || ConnectError::Address(config.server.clone());
    let uri: Uri = config.server.parse().map_err(|_| bad())?;
    let (tls, default_port) = match uri.scheme_str() {
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(bad()),
    };
    let authority = uri.authority().ok_or_else(bad)?;
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(default_port))).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match tls {
        false => Box::new(stream),
        true => {
            let name = ServerName::try_from(host).map_err(|_| bad())?;
            Box::new(trusting()?.connect(name, stream).await?)
        }
    };
    let request = request(config, authority.as_str(), now)?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    match tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(ConnectError::Refused {
            status: response.status().as_u16(),
            text: String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned(),
        }),
        Err(error) => Err(ConnectError::Handshake(error.to_string())),
    }
}

fn request(config: &SessionConfig, authority: &str, now: DateTime<Utc>) -> Result<Request<()>, ConnectError> {
    let failed = |error: String| ConnectError::Handshake(error);
    let request = format!("ws://{authority}/_berth/proxy")
        .into_client_request()
        .map_err(|error| failed(error.to_string()))?;
    let (mut parts, ()) = request.into_parts();
    Signer::new(
        config.key_pair.clone().into(),
        &config.region,
        "elasticloadbalancing",
    )
    .sign(&mut parts, b"", now)
    .map_err(|error| failed(error.to_string()))?;
    Ok(Request::from_parts(parts, ()))
}

/// Trusts the authorities that the host trusts. Read for each attempt: they are rare, and an idle proxy keeps nothing of it.
fn trusting() -> Result<TlsConnector, ConnectError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
