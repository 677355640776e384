//! What a proxy has said and is not written down yet. Later words about the same thing replace earlier ones, so that a database that is
//! away costs a bounded amount of memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use routing::message::{FromProxy, ListenerStatus, MetricsMinute, TargetReport};
use store::proxies::{self, ProxySession};
use store::sleepers;
use tokio::sync::Notify;
use uuid::Uuid;

use super::End;
use crate::gateway::Shared;
use crate::picture::Picture;

/// Metrics reports that wait; more are dropped, and sent again by the proxy because nobody acknowledged them.
const WAITING_REPORTS: usize = 32;
const AFTER_FAILURE: Duration = Duration::from_millis(300);

type Reports = BTreeMap<(String, u16), TargetReport>;

#[derive(Default)]
struct Pending {
    /// Balancer → revision and its listeners.
    applied: BTreeMap<String, (i64, Vec<ListenerStatus>)>,
    /// Target group → targets.
    health: BTreeMap<String, Reports>,
    metrics: BTreeMap<u64, Vec<MetricsMinute>>,
    wakes: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Inbox {
    pending: Mutex<Pending>,
    bell: Notify,
    acknowledged: Mutex<Vec<u64>>,
    acknowledged_bell: Notify,
}

impl Inbox {
    /// Takes in a message. Health counts only from the proxy that checks the group.
    pub fn take(&self, picture: &Picture, session: Uuid, message: FromProxy) {
        let mut pending = self.pending.lock();
        match message {
            FromProxy::Hello { .. } => return,
            FromProxy::Applied {
                balancer,
                revision,
                listeners,
            } => {
                pending.applied.insert(balancer, (revision, listeners));
            }
            FromProxy::Health {
                target_group,
                targets,
            } => {
                if !picture.checks(session, &target_group) {
                    return;
                }
                let known = pending.health.entry(target_group).or_default();
                known.extend(
                    targets
                        .into_iter()
                        .map(|report| ((report.id.clone(), report.port), report)),
                );
            }
            FromProxy::Wake { target_group } => {
                pending.wakes.insert(target_group);
            }
            FromProxy::Metrics { sequence, minutes } => {
                if pending.metrics.len() < WAITING_REPORTS {
                    pending.metrics.insert(sequence, minutes);
                }
            }
        }
        self.bell.notify_one();
    }

    /// Metrics reports that are stored.
    pub fn acknowledged(&self) -> Vec<u64> {
        std::mem::take(&mut *self.acknowledged.lock())
    }

    /// Waits until there is one.
    pub async fn has_acknowledged(&self) {
        self.acknowledged_bell.notified().await;
    }

    /// Writes down what is said, for as long as the session lasts.
    pub async fn run(&self, shared: &Shared, described: &ProxySession) -> End {
        loop {
            self.bell.notified().await;
            while let Err(error) = self.write_down(shared, described).await {
                tracing::warn!(%error, proxy = described.name, "what a proxy reports could not be written down");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    /// What urges most comes first. What cannot be written now is put back, under what was said meanwhile.
    async fn write_down(&self, shared: &Shared, described: &ProxySession) -> store::Result<()> {
        let (db, now) = (&shared.db, shared.now());
        let wakes = std::mem::take(&mut self.pending.lock().wakes);
        if !wakes.is_empty() {
            let groups: Vec<String> = wakes.into_iter().collect();
            if let Err(error) = sleepers::active(db, &groups, now).await {
                self.pending.lock().wakes.extend(groups);
                return Err(error);
            }
        }
        while let Some((group, reports)) = { self.pending.lock().health.pop_first() } {
            let targets: Vec<TargetReport> = reports.values().cloned().collect();
            if let Err(error) = proxies::report_health(db, &group, &targets, now).await {
                let mut pending = self.pending.lock();
                let known = pending.health.entry(group).or_default();
                for (target, report) in reports {
                    known.entry(target).or_insert(report);
                }
                return Err(error);
            }
        }
        while let Some((balancer, (revision, listeners))) = { self.pending.lock().applied.pop_first() } {
            if let Err(error) = proxies::applied(db, described.session, &balancer, revision, &listeners).await
            {
                let mut pending = self.pending.lock();
                pending.applied.entry(balancer).or_insert((revision, listeners));
                return Err(error);
            }
        }
        while let Some((sequence, minutes)) = { self.pending.lock().metrics.pop_first() } {
            let (name, boot) = (&described.name, &described.boot);
            if let Err(error) = proxies::count_metrics(db, name, boot, sequence, &minutes, now).await {
                self.pending.lock().metrics.insert(sequence, minutes);
                return Err(error);
            }
            self.acknowledged.lock().push(sequence);
            self.acknowledged_bell.notify_one();
        }
        Ok(())
    }
}
