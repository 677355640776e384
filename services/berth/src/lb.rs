//! `berth lb`: what load balancers do, for people.

mod client;
mod faults;
mod layout;
mod table;
mod trace;

pub use client::{Access, fetch};
pub use table::render;
pub use trace::{Question, trace};

use proxy_gateway::overview::{Overview, ShownBalancer};
use routing::{Kind, Listener, TargetGroup};

/// What stands before a sentence that says what is wrong.
const WRONG: &str = "! ";

/// The group with this ARN.
fn group<'a>(overview: &'a Overview, arn: &str) -> Option<&'a TargetGroup> {
    overview.target_groups.iter().find(|group| group.arn == arn)
}

/// Name of a group by its ARN: `…:targetgroup/<name>/<id>`.
fn group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

/// The addresses on which a listener takes connections, on whatever proxy.
fn addresses<'a>(shown: &'a ShownBalancer, listener: &'a Listener) -> impl Iterator<Item = &'a str> {
    let standings = shown
        .listeners
        .iter()
        .filter(|standing| standing.listener == listener.arn);
    standings
        .flat_map(|standing| &standing.addresses)
        .map(String::as_str)
}

/// The listener's protocol as the API writes it.
fn protocol(listener: &Listener) -> &'static str {
    use routing::snapshot::ListenerProtocol as Protocol;
    match listener.protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
        Protocol::Tcp => "TCP",
        Protocol::Tls => "TLS",
        Protocol::Udp => "UDP",
        Protocol::TcpUdp => "TCP_UDP",
    }
}

/// An address that works now: for browsers where the listener speaks HTTP. Ports that the scheme implies are left out.
fn url(listener: &Listener, address: &str) -> String {
    let scheme = protocol(listener).to_lowercase().replace("tcp_udp", "tcp");
    let implied = match listener.protocol {
        routing::snapshot::ListenerProtocol::Http => ":80",
        routing::snapshot::ListenerProtocol::Https => ":443",
        _ => return format!("{scheme}://{address}"),
    };
    format!("{scheme}://{}/", address.strip_suffix(implied).unwrap_or(address))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Application => "application",
        Kind::Network => "network",
    }
}

#[cfg(test)]
mod tests;
