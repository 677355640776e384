//! A client's connection to an application balancer: TLS if asked for, then HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::access_log::ConnectionRecord;
use crate::plane::{Arrived, Plane};
use crate::record::{ConnectionEvent, TlsFacts};
use crate::state::LiveListener;
use crate::tls::Handshake;
use crate::wire::{Stream, Wire};

use super::{h1, h2, tunnel};

/// What stays the same over all requests of a connection.
pub struct Client {
    pub plane: Arc<Plane>,
    pub peer: SocketAddr,
    pub tls: Option<TlsFacts>,
    pub since: Instant,
}

/// The rules in force, looked up anew only when something has changed.
pub struct Current {
    arn: String,
    version: u64,
    pub listener: Arc<LiveListener>,
    /// The listener is no more: the connection ends after the request under way.
    pub gone: bool,
}

impl Current {
    pub fn new(plane: &Plane, listener: Arc<LiveListener>) -> Self {
        let mut current = Self {
            arn: listener.config.arn.clone(),
            version: u64::MAX,
            listener,
            gone: false,
        };
        current.renew(plane);
        current
    }

    pub fn renew(&mut self, plane: &Plane) {
        let version = plane.state.version();
        if version == self.version {
            return;
        }
        self.version = version;
        match plane.state.routes().listeners.get(&self.arn) {
            Some(listener) => {
                self.listener = listener.clone();
                self.gone = false;
            }
            None => self.gone = true,
        }
    }
}

impl Client {
    pub fn idle_timeout(&self, listener: &LiveListener) -> Duration {
        Duration::from_secs(u64::from(listener.balancer.attributes.idle_timeout_seconds))
    }

    /// Requests may follow on this connection.
    pub fn may_stay(&self, current: &Current) -> bool {
        let longest = u64::from(current.listener.balancer.attributes.client_keep_alive_seconds);
        !current.gone
            && !self.plane.draining.is_requested()
            && self.since.elapsed() < Duration::from_secs(longest)
    }
}

/// Serves a connection to its end.
pub async fn serve(plane: Arc<Plane>, arrived: Arrived) {
    let listener = arrived.listener.clone();
    plane.observe_connection(ConnectionEvent::Opened { listener: &listener });
    // A tunnel lives long: what HTTP needed is given back before it begins.
    if let Some(tunnel) = Box::pin(serve_http(plane.clone(), arrived)).await {
        tunnel::run(tunnel).await;
    }
    plane.observe_connection(ConnectionEvent::Closed { listener: &listener });
}

async fn serve_http(plane: Arc<Plane>, arrived: Arrived) -> Option<Box<tunnel::Tunnel>> {
    let stream = arrived.stream;
    if stream.set_nodelay(true).is_err() {
        return None;
    }
    let stream = TcpStream::from_std(stream).ok()?;
    let since = Instant::now();
    let (stream, tls) = match arrived.listener.config.tls {
        None => {
            log(&plane, &arrived.listener, arrived.peer, None, false);
            (Stream::Plain(stream), None)
        }
        Some(_) => {
            let termination = plane
                .terminations
                .load()
                .get(&arrived.listener.config.arn)?
                .as_ref()
                .ok()?
                .clone();
            let Ok(accepted) = termination.accept(stream).await else {
                plane.observe_connection(ConnectionEvent::ClientTlsFailed {
                    listener: &arrived.listener,
                });
                log(&plane, &arrived.listener, arrived.peer, None, true);
                return None;
            };
            let sides = (&accepted.facts, &accepted.handshake);
            log(&plane, &arrived.listener, arrived.peer, Some(sides), false);
            (Stream::Client(Box::new(accepted.stream)), Some(accepted.facts))
        }
    };
    let http2 = tls.as_ref().is_some_and(|tls| tls.h2);
    let current = Current::new(&plane, arrived.listener);
    let client = Client {
        plane,
        peer: arrived.peer,
        tls,
        since,
    };
    if http2 {
        h2::serve(client, current, stream).await;
        return None;
    }
    h1::serve(client, current, Wire::new(stream)).await
}

/// A line of the connection log, where there is one.
fn log(
    plane: &Plane,
    listener: &LiveListener,
    client: SocketAddr,
    tls: Option<(&TlsFacts, &Handshake)>,
    is_failed: bool,
) {
    if let Some(log) = &plane.access_log {
        log.client_connection(&ConnectionRecord {
            listener,
            client,
            at: Utc::now(),
            tls,
            is_failed,
        });
    }
}
