//! Asks the server, signed with the caller's own keys.

use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::{KeyPair, Signer};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use kit::{Clock, SystemClock};
use proxy_gateway::overview::Overview;
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(15);
const LARGEST: usize = 256 * 1024 * 1024;

/// Where to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Access {
    /// Base URL, `http://`.
    pub server: String,
    pub key_pair: KeyPair,
    pub region: String,
}

/// The load balancers of the caller's account and region.
///
/// # Errors
/// When the server does not answer, or refuses.
pub async fn fetch(access: &Access) -> anyhow::Result<Overview> {
    tokio::time::timeout(PATIENCE, fetched(access))
        .await
        .with_context(|| format!("{} does not answer in time", access.server))?
}

async fn fetched(access: &Access) -> anyhow::Result<Overview> {
    let url = format!("{}/_berth/load-balancers", access.server.trim_end_matches('/'));
    let request = http::Request::get(url).body(Empty::<Bytes>::new())?;
    let (mut parts, body) = request.into_parts();
    if parts.uri.scheme_str() != Some("http") {
        bail!("{} is no http:// address", access.server);
    }
    Signer::new(
        access.key_pair.clone().into(),
        &access.region,
        "elasticloadbalancing",
    )
    .sign(&mut parts, b"", SystemClock.now())
    .context("the request could not be signed")?;
    let authority = parts
        .uri
        .authority()
        .context("the server's address names no host")?;
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80)))
        .await
        .with_context(|| format!("no server answers at {}; is it running?", access.server))?;
    parts.uri = parts.uri.path().parse()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // With the sender the connection ends.
    let exchange = async move {
        let answer = sender
            .send_request(http::Request::from_parts(parts, body))
            .await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body
            .map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?
            .to_bytes();
        anyhow::Ok((status, body))
    };
    let (answered, _) = tokio::join!(exchange, connection);
    let (status, body) = answered?;
    if !status.is_success() {
        let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        bail!(
            "the server refuses ({status}): {}",
            said["message"].as_str().unwrap_or("it does not say why")
        );
    }
    serde_json::from_slice(&body).context("the answer is not that of a server of this version")
}
