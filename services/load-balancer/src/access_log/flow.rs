//! The line of a flow through a TLS listener of a network balancer (version 2.0 of that format).

use std::fmt::{self, Display};

use chrono::{DateTime, TimeDelta, Utc};

use super::text::{OrDash, balancer_id};
use crate::l4::FlowRecord;
use crate::tls::Handshake;

/// One line, without its end.
pub(super) struct Line<'a>(pub &'a FlowRecord<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        let ended_at = record.created_at + TimeDelta::from_std(record.took).unwrap_or_default();
        let listener = record.listener.config.arn.rsplit('/').next().unwrap_or_default();
        let (facts, handshake) = (
            record.tls.map(|tls| tls.facts),
            record.tls.map(|tls| tls.handshake),
        );
        write!(
            f,
            "tls 2.0 {} {} {listener} {} {} {} {} {} {} - ",
            time(ended_at),
            balancer_id(&record.listener.balancer.arn),
            record.client,
            record.local,
            record.took.as_millis(),
            OrDash(handshake.map(|handshake| handshake.took.as_millis())),
            record.received_bytes,
            record.sent_bytes,
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
            OrDash(record.tls.and_then(|tls| tls.target_alpn).map(text)),
            OrDash(
                handshake
                    .filter(|handshake| !handshake.client_alpn.is_empty())
                    .map(preferences)
            ),
            time(record.created_at),
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
