//! The upgrade request of a websocket. Done over hyper, because a refusal's body says what to do next and may come in
//! a later packet than its head, which the websocket library's own client does not wait for.

use agent_protocol::Refusal;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::{Either, select};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::signer::Signer;
use crate::http_client::check_scheme;

/// A websocket of the client's side.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a websocket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server refused with one of the protocol's words.
    #[error("refused: {0}")]
    Refused(Refusal),
    #[error("the server answered {status} instead of switching to a websocket")]
    NotSwitched { status: u16 },
    #[error("{0}")]
    Failed(String),
}

fn failed(error: impl std::fmt::Display) -> OpenError {
    OpenError::Failed(error.to_string())
}

/// Opens a websocket with a signed upgrade request for `uri`.
///
/// # Errors
/// When the server cannot be reached or does not switch.
pub async fn open(uri: &Uri, signer: &Signer, now: DateTime<Utc>) -> Result<Socket, OpenError> {
    check_scheme(uri).map_err(failed)?;
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let key = generate_key();
    let request = upgrade_request(uri, signer, now, &key)?;
    let exchange = Box::pin(async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        switched(answer, &key).await
    });
    let connection = Box::pin(connection.with_upgrades());
    let upgraded = match select(exchange, connection).await {
        Either::Left((answer, _)) => answer?,
        Either::Right((_, exchange)) => exchange.await?,
    };
    // Hundreds of agents may live in one process: no large buffers ahead of need.
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0);
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await)
}

fn upgrade_request(
    uri: &Uri,
    signer: &Signer,
    now: DateTime<Utc>,
    key: &str,
) -> Result<Request<Empty<Bytes>>, OpenError> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::get(target)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", key);
    for (name, value) in signer.sign("GET", uri, Vec::new(), b"", now) {
        request = request.header(name, value);
    }
    request.body(Empty::new()).map_err(failed)
}

async fn switched(answer: Response<Incoming>, key: &str) -> Result<Upgraded, OpenError> {
    let status = answer.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body = Limited::new(answer.into_body(), Refusal::MAX_BODY_BYTES)
            .collect()
            .await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let refusal = std::str::from_utf8(&body).ok().and_then(Refusal::decode);
        return Err(refusal.map_or(
            OpenError::NotSwitched {
                status: status.as_u16(),
            },
            OpenError::Refused,
        ));
    }
    let accepted = answer
        .headers()
        .get("sec-websocket-accept")
        .map(|value| value.as_bytes());
    if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(OpenError::Failed(
            "the server accepted another websocket key".to_owned(),
        ));
    }
    hyper::upgrade::on(answer).await.map_err(failed)
}
