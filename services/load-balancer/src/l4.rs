//! Network balancers: flows of TCP, TLS and UDP between clients and targets.
//!
//! [`serve`] takes a connection of a TCP or TLS listener, [`datagrams`] the socket of a UDP listener; a TCP_UDP listener has both.
//! The client's address is passed on by PROXY protocol only; the connection to the target comes from this proxy
//! (`preserve_client_ip` has no effect).

mod choice;
mod lifetime;
mod proxy_protocol;
mod relay;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use proxy_protocol::{Transport, header as proxy_protocol_header};
pub use relay::End;
pub use tcp::serve;
pub use udp::datagrams;

use crate::plane::Plane;
use crate::record::{ConnectionEvent, TlsFacts};
use crate::state::{Group, LiveListener, LiveTarget};
use crate::tls::Handshake;

/// A flow that ended.
#[derive(Clone, Copy)]
pub struct FlowRecord<'a> {
    pub listener: &'a LiveListener,
    /// Where it went, if it came to that.
    pub group: Option<&'a Group>,
    pub target: Option<&'a LiveTarget>,
    pub client: SocketAddr,
    /// Where the listener took it.
    pub local: SocketAddr,
    pub created_at: DateTime<Utc>,
    pub took: Duration,
    /// Payload from the client.
    pub received_bytes: u64,
    /// Payload to the client.
    pub sent_bytes: u64,
    /// With TLS that was terminated here.
    pub tls: Option<TlsSides<'a>>,
    pub end: End,
}

/// What both handshakes of a flow led to.
#[derive(Clone, Copy)]
pub struct TlsSides<'a> {
    pub facts: &'a TlsFacts,
    pub handshake: &'a Handshake,
    /// Protocol that was agreed on with a TLS target.
    pub target_alpn: Option<&'a [u8]>,
}

/// Tells that a flow was opened and, when dropped, that it was closed.
struct OpenFlow {
    plane: Arc<Plane>,
    listener: Arc<LiveListener>,
}

impl OpenFlow {
    fn new(plane: Arc<Plane>, listener: Arc<LiveListener>) -> Self {
        plane.observe_connection(ConnectionEvent::Opened { listener: &listener });
        Self { plane, listener }
    }
}

impl Drop for OpenFlow {
    fn drop(&mut self) {
        let listener = &self.listener;
        self.plane
            .observe_connection(ConnectionEvent::Closed { listener });
    }
}
