//! Connections to the control plane's address: HTTP/1.1, of clients and of the websockets of agents and proxies.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kit::{Shutdown, Tasks};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// How long a connection may be without the whole head of a request, between requests too. Longer than the AWS SDKs keep idle
/// connections to use them again, and short enough that nobody holds many at no cost.
const HEAD_PATIENCE: Duration = Duration::from_secs(75);
/// After an accept that failed, such as without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown; connections end after the request that they are in.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks) {
    let shutdown = tasks.shutdown().clone();
    while let Some(accepted) = shutdown.unless_requested(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer, router.clone(), shutdown.clone());
                tasks.spawn_job(format!("connection of {peer}"), connection);
            }
            Err(error) => {
                tracing::debug!(%error, "no connection accepted");
                shutdown.unless_requested(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: Shutdown) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    // That a client broke off, or said nothing for too long, is its own affair.
    if shutdown.unless_requested(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn served() -> (TcpStream, Tasks) {
        let tasks = Tasks::new(Shutdown::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        tasks.spawn("http", serve(listener, router, tasks.clone()));
        (TcpStream::connect(address).await.unwrap(), tasks)
    }

    #[tokio::test]
    async fn requests_follow_each_other_and_a_connection_without_one_ends_with_the_server() {
        let (mut client, tasks) = served().await;
        for _ in 0..2 {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .unwrap();
            let mut reply = vec![0; 1024];
            let length = client.read(&mut reply).await.unwrap();
            let reply = String::from_utf8_lossy(&reply[..length]).into_owned();
            assert!(
                reply.starts_with("HTTP/1.1 200") && reply.ends_with("here"),
                "{reply}"
            );
        }
        let drained = tasks.drain(Duration::from_secs(10)).await;
        assert_eq!(drained.dropped, Vec::<String>::new());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_the_head_of_a_request_is_not_waited_for() {
        for said in ["", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let (mut client, _tasks) = served().await;
            client.write_all(said.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            assert!(!String::from_utf8_lossy(&rest).contains("200"));
        }
    }
}
