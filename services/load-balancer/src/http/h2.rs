//! HTTP/2 connections of clients: many requests at a time, each in a lane of its own on the connection's worker.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use tokio::time::Instant;

use super::coalesce::Coalesced;
use super::connection::{Client, Current};
use super::handle::{Scratch, handle};
use super::head::{Known, Length, RequestHead, Span, Version};
use super::lanes::{Lane, Lanes};
use super::parse;
use super::side::{H2, Side};
use crate::idle::Idle;
use crate::record::Classification;
use crate::state::LiveListener;
use crate::wire::Stream;

/// As ALB.
const STREAMS: u32 = 128;
/// A client that resets its streams is soon allowed new ones, while we still wait for a target on behalf of the old: with more than
/// this it is up to no good.
const UNDER_WAY: usize = 4 * STREAMS as usize;
const WINDOW: u32 = 1 << 20;
/// What one stream may have waiting for a peer that is slow to read. All streams of a connection may.
pub const SEND_BUFFER: usize = 64 * 1024;
/// How long a client that reads nothing is waited for at the end.
const PARTING: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub async fn serve(client: Client, current: Current, stream: Stream) {
    let stream = Coalesced::new(stream);
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(parse::HEADERS_LIMIT as u32)
        .handshake::<_, Bytes>(stream.clone());
    let idle_timeout = client.idle_timeout(&current.listener);
    let handshake = drained(&stream, handshake);
    let Ok(Ok(connection)) = tokio::time::timeout(idle_timeout, handshake).await else {
        return;
    };
    let client = Arc::new(client);
    drive(&client, current, connection, &stream).await;
    // What was said last, such as why the connection ends.
    let _ = tokio::time::timeout(PARTING, std::future::poll_fn(|cx| stream.poll_drain(cx))).await;
}

/// The same future; what each of its turns wrote goes out at the turn's end.
async fn drained<F: Future>(stream: &Coalesced, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        // An error shows at the next read or write, and readiness wakes the same task.
        let _ = stream.poll_drain(cx);
        polled
    })
    .await
}

/// Takes streams until the client or we end the connection.
async fn drive(
    client: &Arc<Client>,
    mut current: Current,
    mut connection: Connection<Coalesced, Bytes>,
    stream: &Coalesced,
) {
    let open = Arc::new(AtomicUsize::new(0));
    let mut lanes = Lanes::new();
    let mut idle = Idle::new();
    let mut last = Instant::now();
    let mut leaving = false;
    let draining = client.plane.draining.clone();
    let mut drain = pin!(draining.requested());
    loop {
        let timeout = client.idle_timeout(&current.listener);
        let accepting = std::future::poll_fn(|cx| {
            if let Poll::Ready(accepted) = connection.poll_accept(cx) {
                return Poll::Ready(Some(accepted));
            }
            if !leaving && drain.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if open.load(Ordering::Relaxed) > 0 {
                last = Instant::now();
            }
            idle.poll_past(cx, last + timeout).map(|()| None)
        });
        match drained(stream, accepting).await {
            Some(None | Some(Err(_))) => return,
            Some(Some(Ok((head, respond)))) => {
                last = Instant::now();
                if open.load(Ordering::Relaxed) >= UNDER_WAY {
                    connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
                    continue;
                }
                current.renew(&client.plane);
                if !leaving && !client.may_stay(&current) {
                    leaving = true;
                    connection.graceful_shutdown();
                }
                let job = Job {
                    listener: current.listener.clone(),
                    head,
                    respond,
                    _open: Open::of(&open),
                };
                if let Some(lane) = lanes.give(job) {
                    kit::workers::spawn_here(serve_streams(client.clone(), lane));
                }
            }
            // A second silence after the goodbye ends it.
            None if leaving && last.elapsed() >= timeout && open.load(Ordering::Relaxed) == 0 => return,
            None => {
                leaving = true;
                last = Instant::now();
                connection.graceful_shutdown();
            }
        }
    }
}

/// A stream that is to be served.
struct Job {
    listener: Arc<LiveListener>,
    head: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
    _open: Open,
}

async fn serve_streams(client: Arc<Client>, lane: Lane<Job>) {
    let mut request = RequestHead::default();
    let mut scratch = Scratch::default();
    while let Some(job) = lane.next().await {
        let started = Instant::now();
        let (parts, body) = job.head.into_parts();
        read_head(&parts, body.is_end_stream(), &mut request);
        let mut side = Side::H2(Box::new(H2 {
            receive: (!body.is_end_stream()).then_some(body),
            respond: Some(job.respond),
            received: request.fields.text.len() as u64,
            ..H2::default()
        }));
        // What is left open is reset when its handles are dropped.
        handle(
            &client,
            &job.listener,
            &mut request,
            &mut side,
            &mut scratch,
            started,
            true,
            (0, 0),
        )
        .await;
    }
}

/// The same head as HTTP/1.1 would have brought.
fn read_head(parts: &http::request::Parts, ended: bool, request: &mut RequestHead) {
    request.clear();
    request.version = Version::H2;
    request.keep_alive = true;
    request.method = request.fields.keep(parts.method.as_str().as_bytes());
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let start = request.fields.text.len();
    request.target = request.fields.keep(target.as_bytes());
    let query = target.find('?');
    request.path = Span::new(start, start + query.unwrap_or(target.len()));
    request.query = query.map(|at| Span::new(start + at + 1, start + target.len()));
    if let Some(authority) = parts.uri.authority() {
        request.authority = request.fields.keep(authority.as_str().as_bytes());
    }
    // Clients split cookies for compression; HTTP/1.1 knows one field only.
    let mut cookies: Vec<u8> = Vec::new();
    for (name, value) in &parts.headers {
        if name == http::header::COOKIE {
            if !cookies.is_empty() {
                cookies.extend_from_slice(b"; ");
            }
            cookies.extend_from_slice(value.as_bytes());
        } else {
            request.fields.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    if !cookies.is_empty() {
        request.fields.push(b"cookie", &cookies);
    }
    parse::classify(request);
    if request.authority.is_empty() {
        let fields = request.fields.list.iter();
        let mut hosts = fields.filter(|field| field.known == Known::Host);
        request.authority = hosts.next().map(|host| host.value).unwrap_or_default();
        if hosts.next().is_some() {
            request.classify(Classification::Severe, "BadHeader");
        }
    }
    if !parse::is_authority(request.fields.bytes(request.authority)) {
        request.classify(Classification::Severe, "BadHeader");
    }
    let length = request
        .fields
        .first(Known::ContentLength)
        .and_then(parse::decimal);
    request.length = match (ended, length) {
        (true, None) => Length::None,
        (true, Some(_)) => Length::Exactly(0),
        (false, Some(length)) => Length::Exactly(length),
        (false, None) => Length::Chunked,
    };
}

/// Counts an open stream.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn of(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
