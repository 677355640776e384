//! Load balancers as a proxy serves them. Each value carries the revision of what it was read from; a newer one replaces an older one
//! as a whole.

use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Action;
use crate::attributes::{BalancerAttributes, ListenerAttributes, TargetGroupAttributes};
use crate::health::{Health, HealthCheck};
use crate::rule::Rule;

/// What sort of load balancer it is: requests or connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Application,
    Network,
}

/// A load balancer with its listeners and rules. Target groups travel by themselves, since they change more often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balancer {
    pub arn: String,
    pub name: String,
    pub account: String,
    pub region: String,
    pub kind: Kind,
    /// 1, 2, 3 … over all balancers: a proxy that has a block of addresses gives each balancer its own.
    pub number: i64,
    /// Raised by every change of the balancer, its listeners, rules or certificates.
    pub revision: i64,
    /// `<name>-<digits>.<region>.elb.<domain>` (LB-10).
    pub dns_name: String,
    pub created_at: DateTime<Utc>,
    pub attributes: BalancerAttributes,
    pub listeners: Vec<Listener>,
}

/// A port on which a balancer takes connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    pub arn: String,
    pub port: u16,
    pub protocol: ListenerProtocol,
    /// Present for HTTPS and TLS.
    pub tls: Option<ListenerTls>,
    pub attributes: ListenerAttributes,
    /// Ascending by priority (LB-30).
    pub rules: Vec<Rule>,
    /// The default rule's ARN and actions.
    pub default_rule: String,
    pub default_actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    Http,
    Https,
    Tcp,
    Tls,
    Udp,
    #[serde(rename = "TCP_UDP")]
    TcpUdp,
}

/// How a listener terminates TLS (LB-39).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerTls {
    /// ARN of the certificate for clients that name no host, or one that no other certificate covers.
    pub default_certificate: String,
    /// ARNs of the certificates that are chosen by SNI; the default one may be among them.
    pub certificates: Vec<String>,
    /// Name of the SSL policy, such as `ELBSecurityPolicy-TLS13-1-2-2021-06`.
    pub policy: String,
    /// Network balancers: which protocols to offer, by AWS's policy name (`HTTP2Preferred` …); application balancers offer h2 by attribute.
    pub alpn_policy: Option<String>,
    pub mutual: MutualAuthentication,
}

/// Whether clients have to show a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum MutualAuthentication {
    #[default]
    Off,
    /// Any certificate is taken and passed on to the target in a header.
    Passthrough,
    /// Certificates must chain up to one of these.
    Verify {
        trust_store: String,
        /// PEM bundle of certificate authorities.
        authorities: String,
        /// PEM revocation lists.
        revocations: Vec<String>,
        ignore_expiry: bool,
        advertise_authorities: bool,
    },
}

/// A server certificate with its key. Never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub arn: String,
    pub revision: i64,
    /// PEM: the leaf, then its chain.
    pub chain: String,
    /// PEM.
    pub private_key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("arn", &self.arn)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Targets and how to speak to them (LB-14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    /// Raised by every change of the group or its targets.
    pub revision: i64,
    pub protocol: TargetProtocol,
    /// Of HTTP and HTTPS groups.
    pub protocol_version: ProtocolVersion,
    pub health_check: HealthCheck,
    pub attributes: TargetGroupAttributes,
    /// Registered and draining targets; draining ones take no new requests.
    pub targets: Vec<Target>,
    /// The service behind this group sleeps at zero tasks and wakes up by a request.
    pub wake: Option<WakePolicy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TargetProtocol {
    Http,
    Https,
    Tcp,
    Tls,
    Udp,
    #[serde(rename = "TCP_UDP")]
    TcpUdp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProtocolVersion {
    #[default]
    Http1,
    Http2,
    Grpc,
}

/// An address that takes requests of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// As registered: an instance id or an address.
    pub id: String,
    pub port: u16,
    /// Where to connect; none when the instance behind the id is not known (Target.InvalidState).
    pub address: Option<IpAddr>,
    pub registered_at: DateTime<Utc>,
    /// Takes no new requests; at this instant its connections are closed (LB-19).
    pub draining_until: Option<DateTime<Utc>>,
    /// As agreed by the server, from the reports of the proxy that checks the group.
    pub health: Health,
    /// Since when it has been healthy without a break: slow start counts from here.
    pub healthy_since: Option<DateTime<Utc>>,
}

impl Target {
    pub fn socket(&self) -> Option<SocketAddr> {
        self.address.map(|address| SocketAddr::new(address, self.port))
    }
}

/// How requests for a sleeping service are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakePolicy {
    /// Requests held at one time by one proxy; more get 503.
    pub held_requests: u32,
    /// Longest hold in seconds; then 503.
    pub hold_seconds: u32,
}
