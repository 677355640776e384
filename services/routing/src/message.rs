//! What a proxy and the server say to each other over one websocket (`/_berth/proxy`), as JSON texts. Every message may be lost with the
//! connection; after a reconnect both sides begin anew, and a proxy keeps serving what it has until `Synced`.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::health::Health;
use crate::snapshot::{Balancer, Certificate, TargetGroup};

/// The server closes a session with this code when another one of the same name has taken over.
pub const REPLACED: u16 = 4001;

/// From the server to a proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "camelCase")]
pub enum ToProxy {
    /// Replaces a balancer of this ARN that has another revision. What comes last counts: a revision is lower than one before when the
    /// database went back to a backup.
    Balancer {
        balancer: Box<Balancer>,
    },
    TargetGroup {
        target_group: Box<TargetGroup>,
    },
    Certificate {
        certificate: Certificate,
    },
    /// Balancers, target groups and certificates that are no more.
    Gone {
        arns: Vec<String>,
    },
    /// All that this proxy serves has been sent since it connected: what was not sent is no more.
    Synced,
    /// The target groups whose targets this proxy checks, replacing the former list. Others are checked by other proxies.
    Checks {
        target_groups: Vec<String>,
    },
    /// A metrics report is stored.
    Acknowledged {
        sequence: u64,
    },
}

/// From a proxy to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "camelCase")]
pub enum FromProxy {
    /// The first message.
    Hello {
        /// Chosen by the operator, unique: `proxy-1`. A second session of the same name ends the first.
        name: String,
        /// Changes with each start of the process.
        boot: String,
        version: String,
        /// Where Prometheus can read it, if anywhere.
        metrics_address: Option<SocketAddr>,
        /// Names or ARNs of the load balancers that it serves; empty: all.
        balancers: Vec<String>,
    },
    /// A balancer's revision is in force; this is how its listeners stand.
    Applied {
        balancer: String,
        revision: i64,
        listeners: Vec<ListenerStatus>,
    },
    /// States that changed, and now and then all of them.
    Health {
        target_group: String,
        targets: Vec<TargetReport>,
    },
    /// A request for a group whose service sleeps is being held; or, while it is awake, requests came lately: it is not to sleep.
    Wake { target_group: String },
    /// What was counted since the last report of this boot. Sent again until it is acknowledged, so that a sequence number counts once.
    Metrics {
        sequence: u64,
        minutes: Vec<MetricsMinute>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    pub listener: String,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Why it does not, as a sentence: "port 80 of 127.0.0.1 is taken by another process".
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetReport {
    pub id: String,
    pub port: u16,
    /// Of the registration that was checked: another one may have taken its address since.
    pub registered_at: DateTime<Utc>,
    pub health: Health,
    /// By the proxy's clock.
    pub since: DateTime<Utc>,
}

/// Counts of one minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsMinute {
    /// Full minute.
    pub minute: DateTime<Utc>,
    pub rows: Vec<MetricsRow>,
}

/// Counts of one balancer, and of one target group of it when that is named, under CloudWatch's metric names (LB-40).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    pub balancer: String,
    pub target_group: Option<String>,
    /// Metric name → statistics.
    pub metrics: Vec<(String, Statistics)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub samples: u64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}
