//! The line of a client's connection (connection logs of application balancers).

use std::fmt::{self, Display};
use std::net::SocketAddr;

use chrono::{DateTime, Utc};

use super::text::{OrDash, quoted, time};
use crate::record::TlsFacts;
use crate::state::LiveListener;
use crate::tls::Handshake;

/// A connection that was made, or whose handshake failed.
#[derive(Clone, Copy)]
pub struct ConnectionRecord<'a> {
    pub listener: &'a LiveListener,
    pub client: SocketAddr,
    pub at: DateTime<Utc>,
    /// None: no TLS, or no handshake.
    pub tls: Option<(&'a TlsFacts, &'a Handshake)>,
    /// The handshake failed.
    pub is_failed: bool,
}

impl Display for ConnectionRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = self.tls.and_then(|(_, handshake)| handshake.client.as_ref());
        let status = match (self.is_failed, client) {
            (true, _) => Some("Failed:UnmappedConnectionError"),
            (false, Some(_)) => Some("Success"),
            (false, None) => None,
        };
        write!(
            f,
            "{} {} {} {} {} {} {} {} {} {} {} -",
            time(self.at),
            self.client.ip(),
            self.client.port(),
            self.listener.config.port,
            OrDash(self.tls.map(|(facts, _)| facts.protocol)),
            OrDash(self.tls.map(|(facts, _)| facts.cipher)),
            OrDash(
                self.tls
                    .map(|(_, handshake)| format!("{:.3}", handshake.took.as_secs_f64()))
            ),
            quoted(client.map(|client| client.subject.as_str())),
            OrDash(client.map(|client| client.validity.as_str())),
            OrDash(client.map(|client| client.serial.as_str())),
            OrDash(status),
        )
    }
}
