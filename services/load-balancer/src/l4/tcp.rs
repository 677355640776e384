//! Flows of TCP, with TLS terminated or not.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use routing::snapshot::TargetProtocol;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::choice::{By, Chosen, choose};
use super::lifetime::{Loyalty, is_over};
use super::proxy_protocol::{self, Transport};
use super::relay::{End, Relay};
use super::{FlowRecord, OpenFlow, TlsSides};
use crate::plane::{Arrived, Plane};
use crate::record::{ConnectionEvent, TlsFacts};
use crate::state::LiveListener;
use crate::tls::{Accepted, Handshake};
use crate::wire::Stream;

/// Brings a connection to a target and back, to its end.
pub async fn serve(plane: Arc<Plane>, arrived: Arrived) {
    let Arrived {
        stream,
        peer,
        local,
        listener,
    } = arrived;
    let open = OpenFlow::new(plane.clone(), listener.clone());
    let mut flow = Flow {
        plane,
        created_at: Utc::now(),
        began: Instant::now(),
        relay: Relay::new(Duration::from_secs(
            listener.config.attributes.tcp_idle_timeout_seconds.max(1).into(),
        )),
        chosen: None,
        tls: None,
        target_alpn: None,
        listener,
        client: peer,
        local,
    };
    let end = match flow.take_client(stream).await {
        Err(end) => end,
        Ok(client) => flow.carry(client).await,
    };
    flow.told(end);
    drop(open);
}

struct Flow {
    plane: Arc<Plane>,
    listener: Arc<LiveListener>,
    client: SocketAddr,
    local: SocketAddr,
    created_at: DateTime<Utc>,
    began: Instant,
    relay: Relay,
    chosen: Option<Chosen>,
    tls: Option<(TlsFacts, Handshake)>,
    target_alpn: Option<Vec<u8>>,
}

impl Flow {
    /// The client's connection, after its handshake where there is TLS.
    async fn take_client(&mut self, stream: std::net::TcpStream) -> Result<Stream, End> {
        let stream = TcpStream::from_std(stream).map_err(|_| End::ClientReset)?;
        // Without it, answers wait for acknowledgements; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let listener = &self.listener;
        if listener.config.tls.is_none() {
            return Ok(Stream::Plain(stream));
        }
        let terminations = self.plane.terminations.load_full();
        let Some(Ok(termination)) = terminations.get(&listener.config.arn) else {
            reset(&stream);
            return Err(End::HandshakeFailed);
        };
        // A handshake needs more memory than the flow after it.
        match Box::pin(termination.accept(stream)).await {
            Ok(Accepted {
                stream,
                facts,
                handshake,
            }) => {
                self.tls = Some((facts, handshake));
                Ok(Stream::Client(Box::new(stream)))
            }
            Err(_) => {
                self.plane
                    .observe_connection(ConnectionEvent::ClientTlsFailed { listener });
                Err(End::HandshakeFailed)
            }
        }
    }

    async fn carry(&mut self, mut client: Stream) -> End {
        let Some((chosen, mut target)) = Box::pin(self.connect()).await else {
            reset(tcp(&client));
            return End::NoTarget;
        };
        self.chosen = Some(chosen.clone());
        let end = tokio::select! {
            end = self.relay.run(&mut client, &mut target) => end,
            () = is_over(&chosen, Loyalty::ByAttributes) => End::Terminated,
        };
        if end != End::Finished {
            reset(tcp(&client));
            reset(tcp(&target));
        }
        end
    }

    /// A connection to a target. Nothing of the client's was sent yet, so another one may be tried.
    async fn connect(&mut self) -> Option<(Chosen, Stream)> {
        let mut tried = Vec::new();
        for _ in 0..self.plane.limits.attempts.max(1) {
            let chosen = choose(&self.listener, self.client, By::Turn, &tried)?;
            match self.connect_to(&chosen).await {
                Ok(stream) => return Some((chosen, stream)),
                Err(error) => {
                    let (group, target) = (&*chosen.group, &*chosen.target);
                    self.plane.observe_connection(match error {
                        ConnectError::Connection => ConnectionEvent::TargetConnectFailed { group, target },
                        ConnectError::Tls => ConnectionEvent::TargetTlsFailed { group, target },
                    });
                    tried.push(chosen.target.number);
                }
            }
        }
        None
    }

    async fn connect_to(&mut self, chosen: &Chosen) -> Result<Stream, ConnectError> {
        let limit = self.plane.limits.connect_timeout;
        let connection = within(limit, TcpStream::connect(chosen.address));
        let mut stream = connection.await.map_err(|_| ConnectError::Connection)?;
        let _ = stream.set_nodelay(true);
        if chosen.config.attributes.proxy_protocol_v2 {
            let header = proxy_protocol::header(self.client, self.local, Transport::Stream);
            within(limit, stream.write_all(&header))
                .await
                .map_err(|_| ConnectError::Connection)?;
        }
        if chosen.config.protocol != TargetProtocol::Tls {
            return Ok(Stream::Plain(stream));
        }
        let alpn = self
            .tls
            .as_ref()
            .and_then(|(_, handshake)| handshake.alpn.as_deref());
        let handshake = self.plane.target_tls.connect(stream, chosen.address.ip(), alpn);
        let stream = within(limit, handshake).await.map_err(|_| ConnectError::Tls)?;
        self.target_alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        Ok(Stream::Target(Box::new(stream)))
    }

    fn told(&self, end: End) {
        let tls = self.tls.as_ref().map(|(facts, handshake)| TlsSides {
            facts,
            handshake,
            target_alpn: self.target_alpn.as_deref(),
        });
        self.plane.observe_flow(&FlowRecord {
            listener: &self.listener,
            group: self.chosen.as_ref().map(|chosen| &*chosen.group),
            target: self.chosen.as_ref().map(|chosen| &*chosen.target),
            client: self.client,
            local: self.local,
            created_at: self.created_at,
            took: self.began.elapsed(),
            received_bytes: self.relay.received(),
            sent_bytes: self.relay.sent(),
            tls,
            end,
        });
    }
}

enum ConnectError {
    Connection,
    Tls,
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn tcp(stream: &Stream) -> &TcpStream {
    match stream {
        Stream::Plain(stream) => stream,
        Stream::Client(stream) => stream.get_ref().0,
        Stream::Target(stream) => stream.get_ref().0,
    }
}

/// When it is closed, the peer gets a reset rather than an orderly end.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
