//! What passes through this proxy, counted: for Prometheus, and as minutes under CloudWatch's names (LB-40).
//!
//! Counters hang on the listeners, rules, groups and targets of the state, so that counting a request looks nothing up. The registry
//! keeps them too, over every change of the state, until what they count is no more.

mod count;
mod endpoint;
mod prometheus;
mod roll_up;
mod series;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use routing::Kind;
use routing::snapshot::ListenerProtocol;

pub use count::Count;
pub use endpoint::serve;
pub use series::{
    BalancerSeries, GroupSeries, Histogram, ListenerSeries, RuleSeries, Tally, TargetSeries, Traffic,
};

use crate::access_log::AccessLog;
use crate::l4::{End, FlowRecord};
use crate::record::{ConnectionEvent, ExecutedAction, Observer, Record, RequestKind};
use crate::state::{Group, LiveListener, LiveRule, LiveTarget, State};
use series::{Totals, lower, raise};

/// The metrics of a proxy. Clones count into the same.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    state: Arc<State>,
    registry: Mutex<Registry>,
    access_log: OnceLock<AccessLog>,
}

#[derive(Default)]
struct Registry {
    balancers: HashMap<String, Kept<BalancerSeries>>,
    groups: HashMap<String, Kept<GroupSeries>>,
    listeners: HashMap<String, Arc<ListenerSeries>>,
    rules: HashMap<String, Arc<RuleSeries>>,
    /// By group, id and port.
    targets: HashMap<(String, String, u16), Arc<TargetSeries>>,
}

/// Counters with what was told of them already.
#[derive(Default)]
struct Kept<S> {
    series: Arc<S>,
    told: Totals,
}

impl Metrics {
    pub fn new(state: Arc<State>) -> Self {
        let shared = Shared {
            state,
            registry: Mutex::default(),
            access_log: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Tells of the lines that this log drops as well. The first log counts.
    pub fn tell_of(&self, log: AccessLog) {
        let _ = self.shared.access_log.set(log);
    }

    /// The counters of a listener.
    pub fn listener<'a>(&self, listener: &'a LiveListener) -> &'a Arc<ListenerSeries> {
        listener.series.get_or_init(|| {
            let mut registry = self.shared.registry.lock();
            let balancer = registry
                .balancers
                .entry(listener.balancer.arn.clone())
                .or_default()
                .series
                .clone();
            let series = registry
                .listeners
                .entry(listener.config.arn.clone())
                .or_insert_with(|| {
                    Arc::new(ListenerSeries {
                        balancer,
                        traffic: Traffic::default(),
                        active: 0.into(),
                        opened: 0.into(),
                        rejected: 0.into(),
                        tls_failures: 0.into(),
                    })
                });
            series.clone()
        })
    }

    /// The counters of a target group.
    pub fn group<'a>(&self, group: &'a Group) -> &'a Arc<GroupSeries> {
        group.series.get_or_init(|| {
            let mut registry = self.shared.registry.lock();
            registry
                .groups
                .entry(group.arn.to_string())
                .or_default()
                .series
                .clone()
        })
    }

    /// The counters of a target of `group`.
    pub fn target<'a>(&self, group: &Group, target: &'a LiveTarget) -> &'a Arc<TargetSeries> {
        target.series.get_or_init(|| {
            let key = (group.arn.to_string(), target.id.clone(), target.port);
            self.shared
                .registry
                .lock()
                .targets
                .entry(key)
                .or_default()
                .clone()
        })
    }

    fn rule<'a>(&self, rule: &'a LiveRule) -> &'a Arc<RuleSeries> {
        rule.series.get_or_init(|| {
            let mut registry = self.shared.registry.lock();
            registry.rules.entry(rule.arn.clone()).or_default().clone()
        })
    }

    /// What this proxy counted, in the text format of Prometheus.
    pub fn prometheus(&self) -> String {
        let dropped = self.shared.access_log.get().map_or(0, AccessLog::dropped);
        prometheus::exposition(&self.shared.state, &self.shared.registry.lock(), dropped)
    }
}

/// The rule of this priority; rules stand in ascending order.
fn rule_of(listener: &LiveListener, priority: u32) -> &LiveRule {
    let place = listener
        .rules
        .binary_search_by_key(&priority, |rule| rule.priority)
        .ok();
    listener.rule(place)
}

impl Observer for Metrics {
    fn request(&self, record: &Record<'_>) {
        let listener = self.listener(record.listener);
        listener.traffic.response(record.elb_status);
        listener.traffic.latency.record(record.took);
        listener.traffic.bytes(record.received_bytes, record.sent_bytes);

        let balancer = &listener.balancer.tally;
        balancer.add(Count::ProcessedBytes, record.received_bytes + record.sent_bytes);
        balancer.add(Count::RuleEvaluations, record.rules_evaluated as u64);
        for action in record.actions {
            match action {
                ExecutedAction::Redirect => balancer.count(Count::Redirects),
                ExecutedAction::FixedResponse => balancer.count(Count::FixedResponses),
                ExecutedAction::Authenticate | ExecutedAction::JwtValidation | ExecutedAction::Forward => {}
            }
        }
        if let Some(priority) = record.rule_priority {
            self.rule(rule_of(record.listener, priority))
                .traffic
                .response(record.elb_status);
        }
        if record.target_status.is_none() {
            let counts = record.elb_status.map_or([None; 2], Count::of_balancer);
            counts
                .into_iter()
                .flatten()
                .for_each(|count| balancer.count(count));
        }
        // Requests count when a target could be chosen.
        let (Some(group), Some(target)) = (record.group, record.target) else {
            return;
        };
        let of_group = &self.group(group).tally;
        let of_target = &self.target(group, target).traffic;
        of_target.response(record.target_status);
        of_target.bytes(record.received_bytes, record.sent_bytes);
        for tally in [balancer, of_group] {
            tally.count(Count::Requests);
            if record.kind == RequestKind::Grpcs {
                tally.count(Count::GrpcRequests);
            }
            if let Some(count) = record.target_status.and_then(Count::of_target) {
                tally.count(count);
            }
            if let Some(took) = record.target_processing {
                tally.response_time(took);
            }
        }
        if let Some(took) = record.target_processing {
            of_target.latency.record(took);
        }
    }

    fn connection(&self, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::Opened { listener } => {
                let series = self.listener(listener);
                raise(&series.active);
                raise(&series.opened);
                raise(&series.balancer.active);
                let tally = &series.balancer.tally;
                match flows_of(listener, &series.balancer) {
                    None => tally.count(Count::NewConnections),
                    Some(flows) => {
                        raise(flows.active);
                        tally.count(Count::NewFlows);
                        tally.count(flows.opened);
                    }
                }
            }
            ConnectionEvent::Closed { listener } => {
                let series = self.listener(listener);
                lower(&series.active);
                lower(&series.balancer.active);
                if let Some(flows) = flows_of(listener, &series.balancer) {
                    lower(flows.active);
                }
            }
            ConnectionEvent::Rejected { listener } => {
                let series = self.listener(listener);
                raise(&series.rejected);
                series.balancer.tally.count(match listener.balancer.kind {
                    Kind::Application => Count::RejectedConnections,
                    Kind::Network => Count::RejectedFlows,
                });
            }
            ConnectionEvent::ClientTlsFailed { listener } => {
                let series = self.listener(listener);
                raise(&series.tls_failures);
                series.balancer.tally.count(Count::ClientTlsErrors);
            }
            ConnectionEvent::TargetConnectFailed { group, target } => {
                self.target_failed(group, target, Count::TargetConnectionErrors);
            }
            ConnectionEvent::TargetTlsFailed { group, target } => {
                self.target_failed(group, target, Count::TargetTlsErrors);
            }
        }
    }

    fn flow(&self, record: &FlowRecord<'_>) {
        let listener = self.listener(record.listener);
        listener.traffic.bytes(record.received_bytes, record.sent_bytes);
        let bytes = record.received_bytes + record.sent_bytes;
        let balancer = &listener.balancer.tally;
        balancer.add(Count::ProcessedBytes, bytes);
        if let Some(flows) = flows_of(record.listener, &listener.balancer) {
            balancer.add(flows.bytes, bytes);
        }
        match record.end {
            End::ClientReset => balancer.count(Count::ClientResets),
            End::TargetReset => balancer.count(Count::TargetResets),
            End::Idle | End::Terminated | End::NoTarget => balancer.count(Count::ElbResets),
            End::Finished | End::HandshakeFailed => {}
        }
        if let (Some(group), Some(target)) = (record.group, record.target) {
            let target = self.target(group, target);
            raise(&target.flows);
            target.traffic.bytes(record.received_bytes, record.sent_bytes);
            self.group(group).tally.add(Count::ProcessedBytes, bytes);
        }
    }
}

/// What flows of a protocol are counted by.
struct Flows<'a> {
    active: &'a AtomicU64,
    opened: Count,
    bytes: Count,
}

/// None for listeners of application balancers, which have no flows.
fn flows_of<'a>(listener: &LiveListener, balancer: &'a BalancerSeries) -> Option<Flows<'a>> {
    let (active, opened, bytes) = match listener.config.protocol {
        ListenerProtocol::Http | ListenerProtocol::Https => return None,
        ListenerProtocol::Tls => (&balancer.active_tls, Count::NewFlowsTls, Count::ProcessedBytesTls),
        ListenerProtocol::Udp => (&balancer.active_udp, Count::NewFlowsUdp, Count::ProcessedBytesUdp),
        // Which of both it is cannot be seen from the listener.
        ListenerProtocol::Tcp | ListenerProtocol::TcpUdp => {
            (&balancer.active_tcp, Count::NewFlowsTcp, Count::ProcessedBytesTcp)
        }
    };
    Some(Flows {
        active,
        opened,
        bytes,
    })
}

impl Metrics {
    fn target_failed(&self, group: &Group, target: &LiveTarget, count: Count) {
        raise(&self.target(group, target).connect_failures);
        self.group(group).tally.count(count);
    }

    /// Forgets what counts nothing that is left.
    fn prune(&self, registry: &mut Registry) {
        let routes = self.shared.state.routes();
        let rules: std::collections::HashSet<&str> = routes
            .listeners
            .values()
            .flat_map(|listener| listener.rules.iter().chain([&listener.default]))
            .map(|rule| rule.arn.as_str())
            .collect();
        registry
            .balancers
            .retain(|arn, kept| routes.balancers.contains_key(arn) || kept.is_held());
        registry
            .listeners
            .retain(|arn, series| routes.listeners.contains_key(arn) || is_held(series));
        registry
            .rules
            .retain(|arn, series| rules.contains(arn.as_str()) || is_held(series));
        registry
            .groups
            .retain(|arn, kept| kept.is_held() || self.shared.state.group(arn).is_some());
        // A target that is registered holds its counters once it was used.
        registry.targets.retain(|_, series| is_held(series));
    }
}

impl<S> Kept<S> {
    fn is_held(&self) -> bool {
        is_held(&self.series)
    }
}

/// Whether somebody besides the registry has it.
fn is_held<S>(series: &Arc<S>) -> bool {
    Arc::strong_count(series) > 1
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let opened = |series: &Arc<ListenerSeries>| series.opened.load(Ordering::Relaxed);
        let opened: u64 = self.shared.registry.lock().listeners.values().map(opened).sum();
        f.debug_struct("Metrics")
            .field("connections", &opened)
            .finish_non_exhaustive()
    }
}
