//! What the tests of this binary are set in: balancers, groups, certificates, and waiting for a value.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::{Shutdown, Workers};
use load_balancer::metrics::Metrics;
use load_balancer::plane::{Events, Limits, Plane};
use load_balancer::state::State;
use load_balancer::tls::TargetTls;
use routing::action::Forward;
use routing::health::{CheckProtocol, Matcher};
use routing::message::ListenerStatus;
use routing::snapshot::{ListenerProtocol, ProtocolVersion, TargetProtocol};
use routing::{
    Action, Balancer, BalancerAttributes, Certificate, ForwardGroup, Health, HealthCheck, HealthState, Kind,
    Listener, ListenerAttributes, Target, TargetGroup, TargetGroupAttributes,
};

pub const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
pub const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/50dc6c495c0c9188/aa11";
pub const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/73e2d6bc24d8a067";

/// Polls until `look` gives something, for at most ten seconds.
pub async fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(value) = look() {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain for {what}");
}

/// At most ten seconds for `work`.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn balancer(kind: Kind, protocol: ListenerProtocol, groups: &[(&str, u32)]) -> Balancer {
    let groups = groups.iter().map(|(group, weight)| ForwardGroup {
        target_group: (*group).to_owned(),
        weight: *weight,
    });
    let forward = Action::Forward(Forward {
        groups: groups.collect(),
        group_stickiness_seconds: None,
    });
    Balancer {
        arn: BALANCER.to_owned(),
        name: "web".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        kind,
        number: 1,
        revision: 1,
        dns_name: "web-1.eu-west-1.elb.test".to_owned(),
        created_at: at("2026-01-01T00:00:00Z"),
        attributes: BalancerAttributes::default(),
        listeners: vec![Listener {
            arn: LISTENER.to_owned(),
            port: 80,
            protocol,
            tls: None,
            attributes: ListenerAttributes::default(),
            rules: Vec::new(),
            default_rule: LISTENER.replace(":listener/", ":listener-rule/") + "/bb22",
            default_actions: vec![forward],
        }],
    }
}

pub fn health_check() -> HealthCheck {
    HealthCheck {
        enabled: true,
        protocol: CheckProtocol::Http,
        port: None,
        path: "/ready".to_owned(),
        interval_seconds: 1,
        timeout_seconds: 1,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        matcher: Matcher::HttpCodes(vec![200..=299]),
    }
}

pub fn health(state: HealthState) -> Health {
    Health {
        state,
        reason: None,
        description: None,
    }
}

pub fn target(address: SocketAddr, state: HealthState) -> Target {
    Target {
        id: address.ip().to_string(),
        port: address.port(),
        address: Some(address.ip()),
        registered_at: at("2026-01-01T00:00:00Z"),
        draining_until: None,
        health: health(state),
        healthy_since: None,
    }
}

pub fn group(arn: &str, protocol: TargetProtocol, targets: Vec<Target>) -> TargetGroup {
    TargetGroup {
        arn: arn.to_owned(),
        name: "web".to_owned(),
        revision: 1,
        protocol,
        protocol_version: ProtocolVersion::Http1,
        health_check: health_check(),
        attributes: TargetGroupAttributes::default(),
        targets,
        wake: None,
    }
}

/// A certificate for `names`, signed by itself.
pub fn certificate(arn: &str, revision: i64, names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    Certificate {
        arn: arn.to_owned(),
        revision,
        chain: made.cert.pem(),
        private_key: made.signing_key.serialize_pem(),
    }
}

struct Nobody;

impl Events for Nobody {
    fn applied(&self, _balancer: &str, _revision: i64, _listeners: Vec<ListenerStatus>) {}
    fn wake(&self, _target_group: &str) {}
}

/// A data path without listening sockets.
pub fn plane() -> Arc<Plane> {
    let state = Arc::new(State::new());
    let metrics = Metrics::new(state.clone());
    Arc::new(Plane {
        state,
        workers: Workers::start("test", 1).unwrap(),
        target_tls: TargetTls::new(),
        observers: vec![Arc::new(metrics.clone())],
        metrics,
        access_log: None,
        events: Arc::new(Nobody),
        limits: Limits::default(),
        draining: Shutdown::new(),
        terminations: Default::default(),
        authentication: Default::default(),
    })
}
