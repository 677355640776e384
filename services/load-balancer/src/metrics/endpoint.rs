//! Where Prometheus reads: `GET /metrics` on the proxy's metrics address.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kit::Tasks;
use tokio::net::TcpListener;

use super::Metrics;

/// Readers that are served at one time; more wait.
const READERS: usize = 16;

/// Serves the metrics on `listener` until the shutdown of `tasks`.
pub async fn serve(listener: TcpListener, metrics: Metrics, tasks: Tasks) {
    let shutdown = tasks.shutdown().clone();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(READERS));
    while let Some(accepted) = shutdown.unless_requested(listener.accept()).await {
        let (Ok((stream, _)), Ok(place)) = (accepted, places.clone().acquire_owned().await) else {
            // Most likely there are no file descriptors left for the moment.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let metrics = metrics.clone();
        let shutdown = shutdown.clone();
        tasks.spawn_job("metrics reader", async move {
            let answer =
                service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, &metrics))));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            if let Some(Err(error)) = shutdown.unless_requested(connection).await {
                tracing::debug!(%error, "a reader of metrics went away");
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics.prometheus(),
        ),
        (_, "/metrics") => (
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "GET only\n".to_owned(),
        ),
        _ => (StatusCode::NOT_FOUND, "text/plain", "try /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
