//! A proxy, put together: state, workers, listening sockets, TLS, health checks, metrics and access logs.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use kit::{Clock, Random, Shutdown, Tasks, Workers};
use parking_lot::Mutex;
use routing::cidr::Cidr;
use routing::message::{FromProxy, ListenerStatus};
use routing::{Balancer, Certificate, Kind, TargetGroup};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::access_log::AccessLog;
use crate::balance::anomaly::Watch;
use crate::checks::Checker;
use crate::handover::{self, Predecessor};
use crate::hold;
use crate::http::authenticate::Authentication;
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::plane::{Events, Limits, Plane};
use crate::pool;
use crate::record::Observer;
use crate::session::Served;
use crate::state::State;
use crate::tls::{Alpn, TargetTls, Terminations};

/// How often the weights of anomalous targets are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often draining targets are looked at.
const DRAIN_TICK: Duration = Duration::from_millis(200);

/// How a proxy runs, apart from what it serves.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Single addresses, on which all balancers listen, and blocks of which each balancer takes the address of its number.
    pub addresses: Vec<Cidr>,
    /// Threads for connections; usually one for each core.
    pub workers: usize,
    pub limits: Limits,
    /// Where access logs are kept, and this proxy's address in their names; none: not written.
    pub access_logs: Option<(PathBuf, IpAddr)>,
    /// Unix socket over which the next process takes the listening sockets; none: a restart closes them.
    pub handover: Option<PathBuf>,
}

/// A running proxy. Clones steer the same one.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    plane: Arc<Plane>,
    listeners: Arc<Listeners>,
    terminations: Terminations,
    certificates: Mutex<HashMap<String, Certificate>>,
    checker: Checker,
    metrics: Metrics,
    handover: Option<PathBuf>,
    predecessor: Mutex<Option<Predecessor>>,
    /// Ends with the access logs' last lines, behind the connections.
    logs_end: Shutdown,
    logs: Tasks,
}

impl Proxy {
    /// Starts a proxy that serves nothing yet, under `tasks`. Its health reports come out of the receiver; what else it has to tell goes to
    /// `events`. Takes over the sockets of the process before, if there is one; call [`Self::relieve`] when this one serves.
    ///
    /// # Errors
    /// When threads cannot be started, or the process before breaks off while it gives its sockets.
    pub fn start(
        config: ProxyConfig,
        tasks: &Tasks,
        events: Arc<dyn Events>,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> io::Result<(Self, UnboundedReceiver<FromProxy>)> {
        Self::start_observed(config, tasks, events, clock, random, Vec::new())
    }

    /// As [`Self::start`], with others who are told of requests and connections.
    ///
    /// # Errors
    /// As there.
    pub fn start_observed(
        config: ProxyConfig,
        tasks: &Tasks,
        events: Arc<dyn Events>,
        clock: Arc<dyn Clock>,
        random: Random,
        mut observers: Vec<Arc<dyn Observer>>,
    ) -> io::Result<(Self, UnboundedReceiver<FromProxy>)> {
        let taken = config.handover.as_deref().map(handover::take).transpose()?;
        let (predecessor, inherited) = taken.flatten().unzip();
        let state = Arc::new(State::new());
        let metrics = Metrics::new(state.clone());
        let logs_end = Shutdown::new();
        let logs = Tasks::new(logs_end.clone());
        let access_log = config.access_logs.map(|(directory, address)| {
            let (log, writer) = AccessLog::new(directory, address, clock.clone(), random.clone());
            logs.spawn("access logs", writer.run(logs_end.clone()));
            metrics.tell_of(log.clone());
            log
        });
        observers.push(Arc::new(metrics.clone()));
        observers.extend(access_log.clone().map(|log| Arc::new(log) as Arc<dyn Observer>));
        let plane = Arc::new(Plane {
            state: state.clone(),
            workers: Workers::start("worker", config.workers)?,
            target_tls: TargetTls::new(),
            metrics: metrics.clone(),
            access_log,
            observers,
            events,
            limits: config.limits,
            draining: tasks.shutdown().child(),
            terminations: ArcSwap::default(),
            authentication: Authentication::default(),
        });
        for worker in 0..plane.workers.count() {
            plane
                .workers
                .spawn_background(worker, pool::sweep(Arc::downgrade(&plane)));
        }
        let listeners = Listeners::new(plane.clone(), tasks.clone(), config.addresses, inherited);
        let (checker, health) = Checker::new(state.clone(), clock.clone(), random);
        tasks.spawn("listener retries", listeners.clone().retry());
        tasks.spawn(
            "activity of sleepers",
            hold::tell_activity(plane.clone(), tasks.shutdown().clone()),
        );
        tasks.spawn("health checks", checker.clone().run(tasks.shutdown().clone()));
        tasks.spawn(
            "target anomalies",
            watch_anomalies(Arc::downgrade(&plane), tasks.shutdown().clone()),
        );
        tasks.spawn(
            "target drains",
            end_drained(state, clock, tasks.shutdown().clone()),
        );
        let inner = Inner {
            plane,
            listeners,
            terminations: Terminations::new(),
            certificates: Mutex::default(),
            checker,
            metrics,
            handover: config.handover,
            predecessor: Mutex::new(predecessor),
            logs_end,
            logs,
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            health,
        ))
    }

    pub fn state(&self) -> &Arc<State> {
        &self.inner.plane.state
    }

    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub fn checker(&self) -> &Checker {
        &self.inner.checker
    }

    /// How the listeners of all balancers stand, with the revisions in force.
    pub fn statuses(&self) -> Vec<(String, i64, Vec<ListenerStatus>)> {
        self.inner.listeners.statuses()
    }

    /// This process knows all that it needs: it takes connections from here on, and the one before it no more.
    ///
    /// # Errors
    /// When that process ended too early, which does no harm.
    pub async fn relieve(&self) -> io::Result<()> {
        let Some(predecessor) = self.inner.predecessor.lock().take() else {
            return Ok(());
        };
        self.inner.listeners.begin();
        let relieved = tokio::task::spawn_blocking(|| predecessor.relieve()).await;
        self.inner.listeners.drop_inherited();
        relieved.map_err(io::Error::other).flatten()
    }

    /// Offers the listening sockets to the next process until it has taken them over or the shutdown is requested. True in the first
    /// case: this process has to drain now.
    ///
    /// # Errors
    /// When there can be no unix socket at the configured place.
    pub async fn offer(&self, shutdown: &Shutdown) -> io::Result<bool> {
        match &self.inner.handover {
            Some(path) => handover::offer(path, &self.inner.listeners, shutdown).await,
            None => {
                shutdown.requested().await;
                Ok(false)
            }
        }
    }

    /// Takes no more connections, lets those that are open finish what they do for at most `deadline`, and closes the logs. Gives how many
    /// connections were cut off.
    pub async fn drain(&self, deadline: Duration) -> usize {
        self.inner.listeners.close();
        self.inner.plane.draining.request();
        let left = self.inner.plane.workers.drain(deadline).await;
        self.inner.logs_end.request();
        self.inner.logs.drain(Duration::from_secs(5)).await;
        left
    }

    /// Builds anew how listeners terminate TLS, where something has changed.
    fn renew_tls(&self) {
        let inner = &*self.inner;
        let certificates = inner.certificates.lock();
        let routes = inner.plane.state.routes();
        inner
            .terminations
            .retain(|arn| routes.listeners.contains_key(arn));
        let built = routes.listeners.values().filter_map(|listener| {
            let tls = listener.config.tls.as_ref()?;
            let alpn = match listener.balancer.kind {
                Kind::Application => Alpn::application(listener.balancer.attributes.http2_enabled),
                Kind::Network => Alpn::network(tls.alpn_policy.as_deref()),
            };
            let arn = &listener.config.arn;
            let termination = inner
                .terminations
                .listener(arn, tls, alpn, |arn| certificates.get(arn));
            Some((arn.clone(), termination))
        });
        let built = built.collect();
        inner.plane.terminations.store(Arc::new(built));
    }

    fn changed(&self) {
        self.renew_tls();
        self.inner.listeners.reconcile();
        self.inner.checker.refresh();
    }
}

impl Served for Proxy {
    fn set_balancer(&self, balancer: Balancer) {
        if self.inner.plane.state.set_balancer(balancer) {
            self.changed();
        }
    }

    fn set_target_group(&self, group: TargetGroup) {
        if self.inner.plane.state.set_target_group(group) {
            self.inner.checker.refresh();
        }
    }

    fn set_certificate(&self, certificate: Certificate) {
        let mut certificates = self.inner.certificates.lock();
        let known = certificates.get(&certificate.arn);
        if known.is_some_and(|known| known.revision == certificate.revision) {
            return;
        }
        certificates.insert(certificate.arn.clone(), certificate);
        drop(certificates);
        self.changed();
    }

    fn remove(&self, arns: &[String]) {
        self.inner.plane.state.remove(arns);
        self.inner
            .certificates
            .lock()
            .retain(|arn, _| !arns.contains(arn));
        self.changed();
    }

    fn retain(&self, arns: &HashSet<String>) {
        self.inner.plane.state.retain(arns);
        self.inner.certificates.lock().retain(|arn, _| arns.contains(arn));
        self.changed();
    }

    fn assign_checks(&self, target_groups: Vec<String>) {
        self.inner.checker.assign(target_groups);
    }

    fn connected(&self, is_connected: bool) {
        self.inner.checker.connected(is_connected);
        if is_connected {
            self.inner.checker.report_all();
        }
    }
}

/// Keeps the weights of groups with anomaly mitigation.
async fn watch_anomalies(plane: Weak<Plane>, shutdown: Shutdown) {
    let mut watch = Watch::default();
    while shutdown
        .unless_requested(tokio::time::sleep(TICK))
        .await
        .is_some()
    {
        let Some(plane) = plane.upgrade() else { return };
        watch.look(&plane.state.groups());
    }
}

/// Closes the connections of targets whose deregistration delay is over (LB-19). The server takes such targets out of the group as well;
/// this is for when it is away.
async fn end_drained(state: Arc<State>, clock: Arc<dyn Clock>, shutdown: Shutdown) {
    while shutdown
        .unless_requested(tokio::time::sleep(DRAIN_TICK))
        .await
        .is_some()
    {
        let now: DateTime<Utc> = clock.now();
        for group in state.groups() {
            let view = group.view_owned();
            let over = |until: i64| until <= now.timestamp_millis();
            let targets = view.targets.iter().chain(&view.leaving);
            for target in targets.filter(|target| target.draining_until().is_some_and(over)) {
                if !target.is_ended() {
                    target.end();
                }
            }
        }
    }
}
