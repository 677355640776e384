//! Health checks of targets (LB-15 to LB-17): those of the groups that the server gave to this proxy, and of all that it serves while
//! the server is away. What they say counts here at once and is reported to the server, which agrees on it for all proxies.

mod agenda;
mod probe;
mod rounds;
mod verdict;

use std::collections::HashSet;
use std::sync::Arc;

use kit::{Clock, Random, Shutdown};
use parking_lot::Mutex;
use routing::message::FromProxy;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Duration, Instant};

use crate::state::State;
use rounds::Rounds;
pub use verdict::{Outcome, Verdict};

/// Without the server for this long, a proxy checks all that it serves.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the state is looked at for changes that nobody told of.
const LOOK: Duration = Duration::from_millis(500);
/// How often all states are reported, changed or not.
const FULL_REPORT: Duration = Duration::from_secs(60);

/// The health checker of a proxy. Clones steer the same one.
#[derive(Clone)]
pub struct Checker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    random: Random,
    reports: mpsc::UnboundedSender<FromProxy>,
    orders: Mutex<Orders>,
    wake: Notify,
}

/// What it was told last.
struct Orders {
    assigned: HashSet<String>,
    /// Since when the server is away.
    alone_since: Option<Instant>,
    report_all: bool,
}

impl Checker {
    /// A checker of what stands in `state`, and where its [`FromProxy::Health`] messages come out. They may be dropped while there is
    /// no server, as [`Self::report_all`] tells everything anew.
    pub fn new(
        state: Arc<State>,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> (Self, mpsc::UnboundedReceiver<FromProxy>) {
        let (reports, messages) = mpsc::unbounded_channel();
        let orders = Orders {
            assigned: HashSet::new(),
            alone_since: Some(Instant::now()),
            report_all: false,
        };
        let shared = Shared {
            state,
            clock,
            random,
            reports,
            orders: Mutex::new(orders),
            wake: Notify::new(),
        };
        let checker = Self {
            shared: Arc::new(shared),
        };
        (checker, messages)
    }

    /// The target groups that this proxy checks, replacing the former list (`ToProxy::Checks`).
    pub fn assign(&self, target_groups: impl IntoIterator<Item = String>) {
        self.shared.orders.lock().assigned = target_groups.into_iter().collect();
        self.shared.wake.notify_one();
    }

    /// Whether there is a session with the server.
    pub fn connected(&self, is_connected: bool) {
        let mut orders = self.shared.orders.lock();
        orders.alone_since = match (is_connected, orders.alone_since) {
            (true, _) => None,
            (false, since) => since.or_else(|| Some(Instant::now())),
        };
        drop(orders);
        self.shared.wake.notify_one();
    }

    /// The state has changed: new targets are checked at once, new settings are in force at once.
    pub fn refresh(&self) {
        self.shared.wake.notify_one();
    }

    /// Reports the state of every target of the assigned groups, as after a reconnect.
    pub fn report_all(&self) {
        self.shared.orders.lock().report_all = true;
        self.shared.wake.notify_one();
    }

    /// Checks until `shutdown` is requested.
    pub async fn run(self, shutdown: Shutdown) {
        let shared = self.shared;
        let mut rounds = Rounds::new(shared.state.clone(), shared.clock.clone(), shared.random.clone());
        let mut look = tokio::time::interval(LOOK);
        let mut full = tokio::time::interval(FULL_REPORT);
        loop {
            let next = rounds.next_due();
            tokio::select! {
                () = shutdown.requested() => return,
                () = shared.wake.notified() => shared.look(&mut rounds),
                _ = look.tick() => shared.look(&mut rounds),
                _ = full.tick() => shared.report_all(&rounds),
                Some(ended) = rounds.ended() => {
                    if let Some(report) = rounds.judge(ended) {
                        shared.report(report);
                    }
                }
                () = until(next) => rounds.begin(),
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    fn look(&self, rounds: &mut Rounds) {
        let (wanted, report_all) = {
            let mut orders = self.orders.lock();
            let mut wanted = orders.assigned.clone();
            if orders
                .alone_since
                .is_some_and(|since| since.elapsed() >= PATIENCE)
            {
                wanted.extend(self.served());
            }
            (wanted, std::mem::take(&mut orders.report_all))
        };
        for report in rounds.follow(&wanted) {
            self.report(report);
        }
        if report_all {
            self.report_all(rounds);
        }
    }

    /// Groups that a rule forwards to.
    fn served(&self) -> HashSet<String> {
        let routes = self.state.routes();
        let rules = routes
            .listeners
            .values()
            .flat_map(|listener| listener.rules.iter().chain([&listener.default]));
        rules
            .flat_map(|rule| rule.groups())
            .map(|group| group.arn.to_string())
            .collect()
    }

    fn report_all(&self, rounds: &Rounds) {
        for report in rounds.reports() {
            self.report(report);
        }
    }

    /// Only what the server asked for; what is checked while it is away is nobody's business but ours.
    fn report(&self, report: FromProxy) {
        let FromProxy::Health { target_group, .. } = &report else {
            return;
        };
        if self.orders.lock().assigned.contains(target_group) {
            // Nobody listens any more when the proxy is going down.
            let _ = self.reports.send(report);
        }
    }
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}
