//! Flows of datagrams: what comes from one client's socket goes to one target, from a socket of its own, and answers go back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use kit::Shutdown;
use socket2::{SockAddr, SockRef};
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
    /// Where a worker reads datagrams to.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; LARGEST_DATAGRAM].into_boxed_slice());
}

/// Brings the datagrams of `socket` to targets and back, until `stop` is requested. `listener` names the listener that new flows belong
/// to; while there is none of that name, datagrams are dropped.
///
/// # Errors
/// When the socket cannot be used.
pub async fn datagrams(
    plane: Arc<Plane>,
    socket: std::net::UdpSocket,
    listener: Arc<ArcSwap<String>>,
    stop: Shutdown,
) -> io::Result<()> {
    let socket = UdpSocket::from_std(socket)?;
    let local = socket.local_addr()?;
    let mut table = Table {
        plane,
        listener,
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
                table.take_batch();
                tokio::task::yield_now().await;
            }
            Some(client) = table.running.next() => drop(table.flows.remove(&client)),
        }
    }
}

struct Table {
    plane: Arc<Plane>,
    /// ARN.
    listener: Arc<ArcSwap<String>>,
    local: SocketAddr,
    socket: Arc<UdpSocket>,
    flows: HashMap<SocketAddr, Arc<Flow>>,
    /// Each gives its client when it ends.
    running: FuturesUnordered<BoxFuture<'static, SocketAddr>>,
}

impl Table {
    /// Takes the datagrams that are there, a bounded number of them.
    fn take_batch(&mut self) {
        let socket = self.socket.clone();
        for _ in 0..BATCH {
            let is_empty = READ.with_borrow_mut(|scratch| match socket.try_recv_from(scratch) {
                Ok((length, client)) => {
                    let known = self.flows.get(&client).cloned();
                    if let Some(flow) = known.or_else(|| self.open(client)) {
                        flow.forward(&scratch[..length]);
                    }
                    false
                }
                // What is left of an error of a former answer (port unreachable) concerns no datagram that is here.
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            });
            if is_empty {
                return;
            }
        }
    }

    /// A flow for a client that has none; none where no target takes it.
    fn open(&mut self, client: SocketAddr) -> Option<Arc<Flow>> {
        let listener = self
            .plane
            .state
            .routes()
            .listeners
            .get(self.listener.load().as_str())
            .cloned()?;
        if self.flows.len() >= MOST_FLOWS {
            self.plane
                .observe_connection(ConnectionEvent::Rejected { listener: &listener });
            return None;
        }
        let Some(chosen) = choose(&listener, client, By::Flow, &[]) else {
            self.plane
                .observe_connection(ConnectionEvent::Rejected { listener: &listener });
            return None;
        };
        let Ok(socket) = connected(chosen.address) else {
            let (group, target) = (&*chosen.group, &*chosen.target);
            self.plane
                .observe_connection(ConnectionEvent::TargetConnectFailed { group, target });
            return None;
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
        Some(flow)
    }
}

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

    /// Datagrams may get lost: there is no waiting for room. The system is asked without tokio, which knows of a new socket's readiness
    /// only after a turn of its loop.
    fn forward(&self, datagram: &[u8]) {
        self.touch();
        let socket = SockRef::from(&self.socket);
        let sent = match &self.header {
            None => socket.send(datagram),
            Some(header) => socket.send_vectored(&[IoSlice::new(header), IoSlice::new(datagram)]),
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
                let client = SockAddr::from(self.client);
                if SockRef::from(listening)
                    .send_to(&scratch[..length], &client)
                    .is_ok()
                {
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
