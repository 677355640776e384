//! Takes connections and hands each to a worker.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kit::{Shutdown, Tasks};
use routing::Kind;
use tokio::io::unix::AsyncFd;

use super::Socket;
use crate::http;
use crate::l4;
use crate::plane::{Arrived, Plane};
use crate::record::ConnectionEvent;

/// Out of descriptors or memory: others may free some.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(20);

/// Serves a socket until `stop` is requested. `listener` names the listener that new connections belong to.
#[expect(
    deprecated,
    reason = "sound for a listener that keeps its descriptor; the replacement needs unsafe code"
)]
pub fn spawn(
    tasks: &Tasks,
    name: String,
    plane: Arc<Plane>,
    socket: Socket,
    listener: Arc<ArcSwap<String>>,
    stop: Shutdown,
) {
    match socket {
        Socket::Tcp(socket) => {
            tasks.spawn_job(name, async move {
                let socket = AsyncFd::new(socket)?;
                let accepting = accept(&plane, &socket, &listener);
                stop.unless_requested(accepting).await;
                Ok::<_, io::Error>(())
            });
        }
        Socket::Udp(socket) => {
            tasks.spawn_job(name, async move {
                // One worker for all flows of a socket: their table needs no locks.
                let own = socket.try_clone()?;
                let (ended, end) = tokio::sync::oneshot::channel();
                let datagrams = l4::datagrams(plane.clone(), own, listener, stop);
                plane.workers.spawn(async move {
                    // Nobody waits for it when the process is going down.
                    let _ = ended.send(datagrams.await);
                });
                end.await.unwrap_or(Ok(()))
            });
        }
    }
}

async fn accept(
    plane: &Arc<Plane>,
    socket: &AsyncFd<Arc<std::net::TcpListener>>,
    listener: &ArcSwap<String>,
) {
    loop {
        let accepted = match socket.readable().await {
            Ok(mut ready) => ready.try_io(|socket| socket.get_ref().accept()),
            Err(error) => Ok(Err(error)),
        };
        match accepted {
            Ok(Ok((stream, peer))) => arrived(plane, stream, peer, &listener.load()),
            Ok(Err(error)) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!(%error, "connections cannot be taken");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            }
            Err(_not_ready) => {}
        }
    }
}

fn arrived(plane: &Arc<Plane>, stream: std::net::TcpStream, peer: std::net::SocketAddr, listener: &str) {
    let routes = plane.state.routes();
    let (Some(listener), Ok(local), Ok(())) = (
        routes.listeners.get(listener),
        stream.local_addr(),
        stream.set_nonblocking(true),
    ) else {
        return;
    };
    if plane.workers.running() >= plane.limits.connections {
        plane.observe_connection(ConnectionEvent::Rejected { listener });
        return;
    }
    let arrived = Arrived {
        stream,
        peer,
        local,
        listener: listener.clone(),
    };
    match listener.balancer.kind {
        Kind::Application => plane.workers.spawn(http::serve(plane.clone(), arrived)),
        Kind::Network => plane.workers.spawn(l4::serve(plane.clone(), arrived)),
    }
}

/// The connection was gone before it was taken; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}
