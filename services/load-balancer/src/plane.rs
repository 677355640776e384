//! What everything in the data path shares.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kit::{Shutdown, Workers};
use routing::message::ListenerStatus;

use crate::access_log::AccessLog;
use crate::http::authenticate::Authentication;
use crate::l4::FlowRecord;
use crate::metrics::Metrics;
use crate::record::{ConnectionEvent, Observer, Record};
use crate::state::{LiveListener, State};
use crate::tls::{TargetTls, Termination, TlsError};

/// What a proxy tells its server.
pub trait Events: Send + Sync + 'static {
    /// A balancer's revision is in force, or its listeners stand otherwise than before.
    fn applied(&self, balancer: &str, revision: i64, listeners: Vec<ListenerStatus>);

    /// A request for a group whose service sleeps is being held. Called at once and each second while it is.
    fn wake(&self, target_group: &str);
}

/// Bounds that no attribute sets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients' connections at one time; more are turned away.
    pub connections: usize,
    /// LB-37.
    pub connect_timeout: Duration,
    /// Connections without a request that a worker keeps for each target.
    pub idle_per_target: usize,
    /// They are kept this long.
    pub idle_time: Duration,
    /// Targets that are tried for one request.
    pub attempts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connect_timeout: Duration::from_secs(10),
            idle_per_target: 512,
            idle_time: Duration::from_secs(50),
            attempts: 3,
        }
    }
}

/// The data plane's parts, shared by all workers.
pub struct Plane {
    pub state: Arc<State>,
    pub workers: Workers,
    pub target_tls: TargetTls,
    pub metrics: Metrics,
    /// Lines of connections and flows; those of requests come by the observers.
    pub access_log: Option<AccessLog>,
    pub observers: Vec<Arc<dyn Observer>>,
    pub events: Arc<dyn Events>,
    pub limits: Limits,
    /// Requested when connections shall end after what they are doing.
    pub draining: Shutdown,
    /// How listeners terminate TLS, by ARN.
    pub terminations: ArcSwap<HashMap<String, Result<Arc<Termination>, TlsError>>>,
    pub authentication: Authentication,
}

impl Plane {
    pub fn observe_request(&self, record: &Record<'_>) {
        for observer in &self.observers {
            observer.request(record);
        }
    }

    pub fn observe_flow(&self, record: &FlowRecord<'_>) {
        for observer in &self.observers {
            observer.flow(record);
        }
    }

    pub fn observe_connection(&self, event: ConnectionEvent<'_>) {
        for observer in &self.observers {
            observer.connection(event);
        }
    }
}

/// A client's connection, fresh from a listener.
pub struct Arrived {
    pub stream: std::net::TcpStream,
    /// The client.
    pub peer: SocketAddr,
    /// Where it connected to.
    pub local: SocketAddr,
    pub listener: Arc<LiveListener>,
}
