//! The line of a flow through a TLS listener of a network balancer (version 2.0 of that format).

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::text::{OrDash, balancer_id};
use crate::record::TlsFacts;
use crate::state::LiveListener;
use crate::tls::Handshake;

/// A flow that ended, or a handshake that failed.
#[derive(Clone, Copy)]
pub struct FlowRecord<'a> {
    pub listener: &'a LiveListener,
    pub client: SocketAddr,
    /// Where the listener took it.
    pub local: SocketAddr,
    pub created_at: DateTime<Utc>,
    pub took: Duration,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// None: the handshake failed.
    pub tls: Option<(&'a TlsFacts, &'a Handshake)>,
    /// Protocol that was agreed on with a TLS target.
    pub target_alpn: Option<&'a [u8]>,
}

impl Display for FlowRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended_at = self.created_at + TimeDelta::from_std(self.took).unwrap_or_default();
        let listener = self.listener.config.arn.rsplit('/').next().unwrap_or_default();
        let (facts, handshake) = (self.tls.map(|tls| tls.0), self.tls.map(|tls| tls.1));
        write!(
            f,
            "tls 2.0 {} {} {listener} {} {} {} {} {} {} - ",
            time(ended_at),
            balancer_id(&self.listener.balancer.arn),
            self.client,
            self.local,
            self.took.as_millis(),
            OrDash(handshake.map(|handshake| handshake.took.as_millis())),
            self.received_bytes,
            self.sent_bytes,
        )?;
        write!(
            f,
            "{} - {} {} {} {} {} {} {} {}",
            OrDash(facts.and_then(|facts| facts.certificate.as_deref())),
            OrDash(facts.map(|facts| facts.cipher)),
            OrDash(facts.map(|facts| facts.protocol.to_ascii_lowercase().replace('.', ""))),
            OrDash(
                handshake
                    .and_then(|handshake| handshake.named_group.as_deref())
                    .map(str::to_ascii_lowercase)
            ),
            OrDash(facts.and_then(|facts| facts.server_name.as_deref())),
            OrDash(
                handshake
                    .and_then(|handshake| handshake.alpn.as_deref())
                    .map(text)
            ),
            OrDash(self.target_alpn.map(text)),
            OrDash(
                handshake
                    .filter(|handshake| !handshake.client_alpn.is_empty())
                    .map(preferences)
            ),
            time(self.created_at),
        )
    }
}

/// Without fractions and zone, unlike the logs of application balancers.
fn time(at: DateTime<Utc>) -> impl Display {
    at.format("%Y-%m-%dT%H:%M:%S")
}

fn text(protocol: &[u8]) -> String {
    protocol.escape_ascii().to_string()
}

fn preferences(handshake: &Handshake) -> String {
    let names = handshake
        .client_alpn
        .iter()
        .map(|name| format!("\"{}\"", text(name)));
    names.collect::<Vec<_>>().join(",")
}
