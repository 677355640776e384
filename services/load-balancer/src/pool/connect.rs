//! Opens connections to targets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use routing::TargetGroup;
use routing::snapshot::TargetProtocol;
use tokio::net::TcpStream;

use super::Counted;
use crate::http::side::H1;
use crate::plane::Plane;
use crate::state::LiveTarget;
use crate::wire::{Stream, Wire};

/// Why there is no connection. Nothing of a request was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the target's address is not known")]
    NoAddress,
    #[error("the target did not answer in time")]
    TimedOut,
    #[error("the target cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    #[error("the target refuses TLS: {0}")]
    Tls(#[source] io::Error),
    #[error("the target does not speak HTTP/2: {0}")]
    H2(#[source] h2::Error),
}

/// A connection for HTTP/1.1.
pub async fn connect_h1(
    plane: &Plane,
    config: &TargetGroup,
    target: &Arc<LiveTarget>,
) -> Result<Box<H1>, ConnectError> {
    let limit = plane.limits.connect_timeout;
    let stream = tokio::time::timeout(limit, connect(plane, config, target, b"http/1.1")).await;
    let stream = stream.map_err(|_| ConnectError::TimedOut)??;
    let mut side = Box::new(H1::new(Wire::new(stream)));
    side.counted = Some(Counted::new(target));
    Ok(side)
}

/// A connection for HTTP/2. It lives for as long as somebody may send on it, on this worker.
pub async fn connect_h2(
    plane: &Plane,
    config: &TargetGroup,
    target: &Arc<LiveTarget>,
) -> Result<SendRequest<Bytes>, ConnectError> {
    let open = async {
        let stream = connect(plane, config, target, b"h2").await?;
        let handshake = h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .max_send_buffer_size(crate::http::h2::SEND_BUFFER)
            .max_header_list_size(crate::http::parse::RESPONSE_LIMIT as u32)
            .enable_push(false)
            .handshake(stream);
        handshake.await.map_err(ConnectError::H2)
    };
    let opened = tokio::time::timeout(plane.limits.connect_timeout, open).await;
    let (send, connection) = opened.map_err(|_| ConnectError::TimedOut)??;
    let counted = Counted::new(target);
    let target = target.clone();
    kit::workers::spawn_here(async move {
        let _counted = counted;
        // How it ended shows on its streams.
        tokio::select! {
            _ = connection => {}
            () = target.ended() => {}
        }
    });
    Ok(send)
}

async fn connect(
    plane: &Plane,
    config: &TargetGroup,
    target: &LiveTarget,
    alpn: &[u8],
) -> Result<Stream, ConnectError> {
    let address: SocketAddr = target.address.ok_or(ConnectError::NoAddress)?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(ConnectError::Unreachable)?;
    stream.set_nodelay(true).map_err(ConnectError::Unreachable)?;
    if config.protocol != TargetProtocol::Https {
        return Ok(Stream::Plain(stream));
    }
    let stream = plane.target_tls.connect(stream, address.ip(), Some(alpn)).await;
    Ok(Stream::Target(Box::new(stream.map_err(ConnectError::Tls)?)))
}
