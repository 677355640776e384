//! What the data path tells of each request and connection; metrics and access logs are made of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::l4::FlowRecord;
use crate::state::{Group, LiveListener, LiveTarget};

/// Is told what happens. Called on the workers in the request path: it counts and hands over, and waits for nothing.
pub trait Observer: Send + Sync + 'static {
    /// A request or an upgraded connection came to its end, whichever.
    fn request(&self, record: &Record<'_>);

    /// A connection of a client or to a target.
    fn connection(&self, event: ConnectionEvent<'_>);

    /// A flow through a network balancer came to its end.
    fn flow(&self, _record: &FlowRecord<'_>) {}
}

/// What happened to a connection.
#[derive(Clone, Copy)]
pub enum ConnectionEvent<'a> {
    /// A client connected.
    Opened { listener: &'a LiveListener },
    /// It went away; bytes as the client saw them.
    Closed { listener: &'a LiveListener },
    /// A client was turned away: no more connections are taken.
    Rejected { listener: &'a LiveListener },
    /// A client's TLS handshake failed.
    ClientTlsFailed { listener: &'a LiveListener },
    /// No connection to a target came about, refused or timed out.
    TargetConnectFailed {
        group: &'a Group,
        target: &'a LiveTarget,
    },
    /// The TLS handshake with a target failed.
    TargetTlsFailed {
        group: &'a Group,
        target: &'a LiveTarget,
    },
}

/// One request, with the fields of ALB's access log line (LB-38). What was not reached is none.
pub struct Record<'a> {
    pub kind: RequestKind,
    pub listener: &'a LiveListener,
    /// The rule that was chosen: its priority, 0 for the default rule; none when the request was refused before.
    pub rule_priority: Option<u32>,
    /// Rules that were looked at.
    pub rules_evaluated: usize,
    pub client: SocketAddr,
    pub group: Option<&'a Group>,
    /// The last target that was tried.
    pub target: Option<&'a LiveTarget>,
    /// From the request's receipt until it was sent to the target.
    pub request_processing: Option<Duration>,
    /// Until the target's response head began.
    pub target_processing: Option<Duration>,
    /// Until the response was being sent to the client.
    pub response_processing: Option<Duration>,
    /// What the client got (or 460 when it had gone).
    pub elb_status: Option<u16>,
    pub target_status: Option<u16>,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub method: &'a str,
    /// `http://host:port/path?query`.
    pub url: &'a str,
    /// `HTTP/1.1`.
    pub version: &'a str,
    pub user_agent: Option<&'a str>,
    pub tls: Option<&'a TlsFacts>,
    /// The whole X-Amzn-Trace-Id header.
    pub trace_id: &'a str,
    pub created_at: DateTime<Utc>,
    /// Since `created_at`.
    pub took: Duration,
    pub actions: &'a [ExecutedAction],
    pub redirect_url: Option<&'a str>,
    /// The log's error_reason, for those that ALB names.
    pub error_reason: Option<&'static str>,
    pub classification: Classification,
    pub classification_reason: Option<&'static str>,
}

/// First field of the log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    Http,
    Https,
    /// HTTP/2 over TLS.
    H2,
    /// gRPC over TLS.
    Grpcs,
    /// WebSocket.
    Ws,
    Wss,
}

/// Field actions_executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutedAction {
    Authenticate,
    JwtValidation,
    FixedResponse,
    Forward,
    Redirect,
}

/// How much a request departs from RFC 9112 (desync mitigation).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Classification {
    #[default]
    Compliant,
    Acceptable,
    Ambiguous,
    Severe,
}

/// What a TLS handshake with a client agreed on.
#[derive(Debug, Clone, Default)]
pub struct TlsFacts {
    /// `TLSv1.3`.
    pub protocol: &'static str,
    /// OpenSSL's or IANA's name of the cipher suite: `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The name that the client asked for.
    pub server_name: Option<Arc<str>>,
    /// ARN of the certificate that was shown.
    pub certificate: Option<Arc<str>>,
    /// Headers for targets about the client's certificate (`X-Amzn-Mtls-Clientcert-Subject` …), by name.
    pub client_certificate_headers: Vec<(String, String)>,
    /// The client agreed on HTTP/2.
    pub h2: bool,
}
