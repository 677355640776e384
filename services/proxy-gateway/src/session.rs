//! One proxy's session.

mod inbox;
mod outgoing;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::StreamExt;
use futures::stream::SplitStream;
use routing::message::{FromProxy, REPLACED};
use store::proxies::{self, Lost, Parting, ProxySession};
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use crate::gateway::Shared;
use inbox::Inbox;
use outgoing::Outgoing;

/// Longest wait for a proxy's first message.
const HELLO: Duration = Duration::from_secs(10);
/// Longest wait for the other side to close.
const GOODBYE: Duration = Duration::from_secs(1);
/// Pause between attempts to write down that a session is over.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST_NAME: usize = 128;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The connection broke.
    Gone,
    /// The proxy closed it: it shuts down.
    Left,
    /// Nothing was heard, or nothing was read, for too long.
    Silent,
    /// Another session of the same name has taken over.
    Replaced,
    /// Its row is gone with what a restored database does not know: the proxy is to begin anew.
    Forgotten,
    Shutdown,
    /// Its first message was no Hello, or named nobody.
    Stranger,
}

pub(crate) async fn run(shared: Arc<Shared>, mut socket: WebSocket) {
    let Some(described) = hello(&shared, &mut socket).await else {
        return close(socket, End::Stranger).await;
    };
    // Without its row a proxy is nobody; it comes back when the database does.
    if let Err(error) = proxies::connect(&shared.db, &described, shared.now()).await {
        tracing::warn!(%error, proxy = described.name, "a proxy could not be marked connected");
        return close(socket, End::Shutdown).await;
    }
    let (name, session) = (described.name.clone(), described.session);
    tracing::info!(proxy = name, version = described.version, "proxy connected");
    let lost = shared.keeper.join(&name, session);
    let talking = kit::catching_panics(talk(&shared, &described, socket, lost));
    let end = match talking.await {
        Ok((end, socket)) => {
            if let Some(socket) = socket {
                close(socket, end).await;
            }
            end
        }
        Err(panic) => {
            tracing::error!(proxy = name, panic, "a session panicked");
            End::Gone
        }
    };
    shared.keeper.leave(&name, session);
    tracing::info!(proxy = name, ?end, "proxy disconnected");
    let parting = match end {
        End::Left => Parting::Goodbye,
        _ => Parting::CutOff,
    };
    while let Err(error) = proxies::disconnect(&shared.db, session, parting).await {
        tracing::warn!(%error, proxy = name, "a proxy could not be marked disconnected");
        let pause = tokio::time::sleep(AGAIN);
        if shared.tasks.shutdown().unless_requested(pause).await.is_none() {
            return;
        }
    }
}

/// The proxy's first message.
async fn hello(shared: &Shared, socket: &mut WebSocket) -> Option<ProxySession> {
    let first = async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Some(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    };
    let first = shared.tasks.shutdown().unless_requested(timeout(HELLO, first));
    let text = first.await?.ok()??;
    let Ok(FromProxy::Hello {
        name,
        boot,
        version,
        metrics_address,
        balancers,
    }) = serde_json::from_str(&text)
    else {
        return None;
    };
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    Some(ProxySession {
        name,
        boot,
        version,
        metrics_address: metrics_address.map(|address| address.to_string()),
        balancers,
        server: shared.server,
        session: Uuid::new_v4(),
    })
}

/// Sends, reads and writes down until one of them ends. What the proxy says is taken in while the database is slow or away, and what it is
/// told waits for neither.
async fn talk(
    shared: &Shared,
    described: &ProxySession,
    socket: WebSocket,
    lost: watch::Receiver<Option<Lost>>,
) -> (End, Option<WebSocket>) {
    let (mut sink, mut stream) = socket.split();
    let inbox = Inbox::default();
    let end = {
        let mut outgoing = Outgoing::new(shared, described, &inbox);
        tokio::select! {
            biased;
            () = shared.tasks.shutdown().requested() => End::Shutdown,
            end = lose(lost) => end,
            end = read(shared, described, &mut stream, &inbox) => end,
            end = outgoing.run(&mut sink) => end,
            end = inbox.run(shared, described) => end,
        }
    };
    (end, sink.reunite(stream).ok())
}

/// Until the session is not in force any more.
async fn lose(mut lost: watch::Receiver<Option<Lost>>) -> End {
    let lost = lost.wait_for(Option::is_some).await;
    match lost.ok().and_then(|lost| *lost) {
        Some(Lost::Forgotten) => End::Forgotten,
        _ => End::Replaced,
    }
}

async fn read(
    shared: &Shared,
    described: &ProxySession,
    stream: &mut SplitStream<WebSocket>,
    inbox: &Inbox,
) -> End {
    loop {
        let Ok(frame) = timeout(shared.settings.silence, stream.next()).await else {
            return End::Silent;
        };
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => inbox.take(&shared.loader.current(), described.session, message),
                Err(error) => {
                    tracing::debug!(proxy = described.name, %error, "a message of a proxy could not be read");
                }
            },
            Some(Ok(Message::Close(_))) => return End::Left,
            Some(Err(_)) | None => return End::Gone,
            Some(Ok(_)) => {}
        }
    }
}

async fn close(mut socket: WebSocket, end: End) {
    let (code, reason) = match end {
        End::Gone | End::Left => return,
        End::Shutdown => (close_code::AWAY, "the server is shutting down"),
        End::Silent => (close_code::NORMAL, "nothing was heard"),
        End::Replaced => (REPLACED, "another session has taken over"),
        End::Forgotten => (
            close_code::AGAIN,
            "the server's database does not know this session",
        ),
        End::Stranger => (
            close_code::POLICY,
            "the first message has to be a Hello with a name",
        ),
    };
    let goodbye = async {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if socket.send(Message::Close(Some(frame))).await.is_ok() && end != End::Silent {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(GOODBYE, goodbye).await;
}
