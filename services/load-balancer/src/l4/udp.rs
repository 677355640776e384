//! Flows of datagrams: what comes from one client's socket goes to one target, from a socket of its own, and answers go back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use kit::Shutdown;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::choice::{By, Chosen, choose};
use super::lifetime::{Loyalty, is_over};
use super::proxy_protocol::{self, Transport};
use super::relay::End;
use super::{FlowRecord, OpenFlow};
use crate::plane::Plane;
use crate::record::ConnectionEvent;
use crate::state::LiveListener;

/// A flow without datagrams ends after this time.
const IDLE: Duration = Duration::from_secs(120);
/// Flows of one listener's socket; datagrams of more clients are dropped.
const MOST_FLOWS: usize = 16_384;
/// Datagrams that are taken before others get their turn.
const BATCH: usize = 64;
const LARGEST_DATAGRAM: usize = 65_535;

thread_local! {
    /// Where a worker reads datagrams to; the longest PROXY header fits in front.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; LARGEST_DATAGRAM].into_boxed_slice());
}

/// Brings the datagrams of the listener `arn` from `socket` to targets and back, until the listener is no more or `stop` is requested.
///
/// # Errors
/// When the socket cannot be used.
pub async fn datagrams(
    plane: Arc<Plane>,
    socket: std::net::UdpSocket,
    arn: String,
    stop: Shutdown,
) -> io::Result<()> {
    let socket = UdpSocket::from_std(socket)?;
    let local = socket.local_addr()?;
    let mut table = Table {
        plane,
        arn,
        local,
        socket: Arc::new(socket),
        flows: HashMap::new(),
        running: FuturesUnordered::new(),
    };
    loop {
        tokio::select! {
            () = stop.requested() => return Ok(()),
            ready = table.socket.readable() => {
                ready?;
                if !table.take_batch() {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            Some(client) = table.running.next() => drop(table.flows.remove(&client)),
        }
    }
}

struct Table {
    plane: Arc<Plane>,
    arn: String,
    local: SocketAddr,
    socket: Arc<UdpSocket>,
    flows: HashMap<SocketAddr, Arc<Flow>>,
    /// Each gives its client when it ends.
    running: FuturesUnordered<BoxFuture<'static, SocketAddr>>,
}

impl Table {
    /// Takes the datagrams that are there, a bounded number of them. False when the listener is no more.
    fn take_batch(&mut self) -> bool {
        let socket = self.socket.clone();
        for _ in 0..BATCH {
            let taken = READ.with_borrow_mut(|scratch| {
                // What is left of an error of a former answer (port unreachable) concerns no datagram that is here.
                let (length, client) = match socket.try_recv_from(scratch) {
                    Ok(taken) => taken,
                    Err(error) => return Some(error.kind() != io::ErrorKind::WouldBlock),
                };
                let flow = match self.flows.get(&client) {
                    Some(flow) => flow.clone(),
                    None => match self.open(client) {
                        Ok(Some(flow)) => flow,
                        Ok(None) => return Some(true),
                        Err(ListenerGone) => return None,
                    },
                };
                flow.forward(&scratch[..length]);
                Some(true)
            });
            match taken {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        }
        true
    }

    /// A flow for a client that has none; none where no target takes it.
    fn open(&mut self, client: SocketAddr) -> Result<Option<Arc<Flow>>, ListenerGone> {
        let listener = self
            .plane
            .state
            .routes()
            .listeners
            .get(&self.arn)
            .cloned()
            .ok_or(ListenerGone)?;
        if self.flows.len() >= MOST_FLOWS {
            self.plane
                .observe_connection(ConnectionEvent::Rejected { listener: &listener });
            return Ok(None);
        }
        let Some(chosen) = choose(&listener, client, By::Flow, &[]) else {
            self.plane
                .observe_connection(ConnectionEvent::Rejected { listener: &listener });
            return Ok(None);
        };
        let Ok(socket) = connected(chosen.address) else {
            let (group, target) = (&*chosen.group, &*chosen.target);
            self.plane
                .observe_connection(ConnectionEvent::TargetConnectFailed { group, target });
            return Ok(None);
        };
        let has_header = chosen.config.attributes.proxy_protocol_v2;
        let flow = Arc::new(Flow {
            open: OpenFlow::new(self.plane.clone(), listener),
            header: has_header.then(|| proxy_protocol::header(client, self.local, Transport::Datagram)),
            client,
            local: self.local,
            socket,
            chosen,
            began: Instant::now(),
            created_at: Utc::now(),
            last: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        self.flows.insert(client, flow.clone());
        self.running.push(Box::pin(flow.clone().run(self.socket.clone())));
        Ok(Some(flow))
    }
}

struct ListenerGone;

fn connected(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    socket.connect(address)?;
    UdpSocket::from_std(socket)
}

struct Flow {
    open: OpenFlow,
    /// PROXY protocol, in front of each datagram.
    header: Option<Vec<u8>>,
    client: SocketAddr,
    local: SocketAddr,
    /// Connected to the target.
    socket: UdpSocket,
    chosen: Chosen,
    began: Instant,
    created_at: DateTime<Utc>,
    /// When something came last, in milliseconds since `began`.
    last: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Flow {
    fn listener(&self) -> &LiveListener {
        &self.open.listener
    }

    /// Datagrams may get lost: there is no waiting for room.
    fn forward(&self, datagram: &[u8]) {
        self.touch();
        let sent = match &self.header {
            None => self.socket.try_send(datagram),
            Some(header) => self.socket.try_send(&[header.as_slice(), datagram].concat()),
        };
        if sent.is_ok() {
            self.received.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        }
    }

    /// Brings answers back until the flow is over.
    async fn run(self: Arc<Self>, listening: Arc<UdpSocket>) -> SocketAddr {
        let end = tokio::select! {
            end = self.answers(&listening) => end,
            () = self.idle() => End::Idle,
            () = is_over(&self.chosen, Loyalty::OnlyWhileItServes) => End::Terminated,
        };
        self.open.plane.observe_flow(&FlowRecord {
            listener: self.listener(),
            group: Some(&self.chosen.group),
            target: Some(&self.chosen.target),
            client: self.client,
            local: self.local,
            created_at: self.created_at,
            took: self.began.elapsed(),
            received_bytes: self.received.load(Ordering::Relaxed),
            sent_bytes: self.sent.load(Ordering::Relaxed),
            tls: None,
            end,
        });
        self.client
    }

    async fn answers(&self, listening: &UdpSocket) -> End {
        loop {
            if self.socket.readable().await.is_err() {
                return End::TargetReset;
            }
            for _ in 0..BATCH {
                if !self.answer(listening) {
                    break;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Brings one answer back. False when none is there.
    fn answer(&self, listening: &UdpSocket) -> bool {
        READ.with_borrow_mut(|scratch| match self.socket.try_recv(scratch) {
            Ok(length) => {
                self.touch();
                if listening.try_send_to(&scratch[..length], self.client).is_ok() {
                    self.sent.fetch_add(length as u64, Ordering::Relaxed);
                }
                true
            }
            // A port that nobody listens on is the health check's business.
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        })
    }

    fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    async fn idle(&self) {
        loop {
            let last = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed));
            if last.elapsed() >= IDLE {
                return;
            }
            tokio::time::sleep_until(last + IDLE).await;
        }
    }
}
