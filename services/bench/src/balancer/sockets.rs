//! Memory of idle WebSockets.

use std::sync::Arc;

use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::contenders::Contender;
use crate::report::Figure;

/// Accepts every WebSocket and says nothing more.
pub struct Backend {
    pub port: u16,
}

impl Backend {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self { port })
    }
}

async fn serve(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let upgrade = String::from_utf8_lossy(&head)
        .to_ascii_lowercase()
        .contains("upgrade: websocket");
    let answer: &[u8] = match upgrade {
        // The accept key of the one client key that is sent here (RFC 6455, section 1.3).
        true => {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        }
        false => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    };
    if stream.write_all(answer).await.is_err() || !upgrade {
        return;
    }
    drop(head);
    let _ = stream.read(&mut [0]).await;
}

async fn open(authority: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    anyhow::ensure!(&answer == b"HTTP/1.1 101", "{}", String::from_utf8_lossy(&answer));
    Ok(stream)
}

/// What a contender's memory grows by, in KiB for each of `count` sockets.
async fn growth(contender: &dyn Contender, count: usize) -> anyhow::Result<f64> {
    let authority: Arc<str> = contender
        .http()
        .strip_prefix("http://")
        .context("not http")?
        .into();
    let before = contender.resident_mib()?;
    let gate = Arc::new(Semaphore::new(64));
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let (authority, gate) = (authority.clone(), gate.clone());
        opening.spawn(async move {
            let _turn = gate.acquire().await?;
            open(&authority).await
        });
    }
    let mut sockets = Vec::with_capacity(count);
    while let Some(opened) = opening.join_next().await {
        sockets.push(opened??);
    }
    let after = contender.resident_mib()?;
    Ok((after - before) * 1024.0 / count as f64)
}

/// Files that a process may have open decide how many are tried: each takes two here and two in the proxy.
pub async fn measure(contenders: &[&dyn Contender], wanted: usize) -> anyhow::Result<Vec<Figure>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let count = wanted.min(usize::try_from(hard)?.saturating_sub(1500) / 2);
    let mut growths = Vec::new();
    for contender in contenders {
        growths.push(growth(*contender, count).await?);
    }
    let name = format!("memory of an idle WebSocket, {count} open");
    Ok(vec![
        Figure::only(name, growths[0], "KiB").against("haproxy", growths[1]),
    ])
}
