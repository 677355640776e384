//! What is to be told to the server, kept until it is. Later words about the same thing replace earlier ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use routing::message::{FromProxy, ListenerStatus, MetricsMinute};
use tokio::sync::Notify;

use crate::plane::Events;

/// Minutes of counts that wait for a server: one day.
const WAITING_REPORTS: usize = 1440;

/// Clones share the same content.
#[derive(Clone, Default)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    content: Mutex<Content>,
    filled: Notify,
}

#[derive(Default)]
struct Content {
    wakes: BTreeSet<String>,
    /// How each balancer's listeners stand, told or not.
    applied: BTreeMap<String, (i64, Vec<ListenerStatus>)>,
    /// Balancers of which that is to be told.
    untold: BTreeSet<String>,
    /// Reports that are not acknowledged, in the order of their numbers.
    metrics: VecDeque<(u64, Vec<MetricsMinute>)>,
    last_sequence: u64,
    /// The first of them is on its way. Only one is at a time, for the server counts none that comes after a later one.
    under_way: bool,
}

impl Outbox {
    /// Counts to be told once, however often the connection breaks.
    pub fn metrics(&self, minutes: Vec<MetricsMinute>) {
        let mut content = self.shared.content.lock();
        content.last_sequence += 1;
        let sequence = content.last_sequence;
        content.metrics.push_back((sequence, minutes));
        if content.metrics.len() > WAITING_REPORTS && !content.under_way {
            content.metrics.pop_front();
        }
        drop(content);
        self.shared.filled.notify_one();
    }

    /// Waits until there may be something to tell.
    pub(super) async fn filled(&self) {
        self.shared.filled.notified().await;
    }

    /// What to tell next, what urges most first.
    pub(super) fn next(&self) -> Option<FromProxy> {
        let mut content = self.shared.content.lock();
        if let Some(target_group) = content.wakes.pop_first() {
            return Some(FromProxy::Wake { target_group });
        }
        while let Some(balancer) = content.untold.pop_first() {
            if let Some((revision, listeners)) = content.applied.get(&balancer).cloned() {
                return Some(FromProxy::Applied {
                    balancer,
                    revision,
                    listeners,
                });
            }
        }
        if content.under_way {
            return None;
        }
        let (sequence, minutes) = content.metrics.front().cloned()?;
        content.under_way = true;
        Some(FromProxy::Metrics { sequence, minutes })
    }

    /// A new connection: the server may know nothing of what was told before.
    pub(super) fn tell_anew(&self) {
        let mut content = self.shared.content.lock();
        content.untold = content.applied.keys().cloned().collect();
        content.under_way = false;
    }

    /// A report is stored.
    pub(super) fn acknowledged(&self, sequence: u64) {
        let mut content = self.shared.content.lock();
        content.metrics.retain(|(number, _)| *number > sequence);
        content.under_way = false;
        drop(content);
        self.shared.filled.notify_one();
    }

    /// These balancers are no more.
    pub(super) fn forget(&self, is_gone: impl Fn(&str) -> bool) {
        self.shared.content.lock().applied.retain(|arn, _| !is_gone(arn));
    }
}

impl Events for Outbox {
    fn applied(&self, balancer: &str, revision: i64, listeners: Vec<ListenerStatus>) {
        let mut content = self.shared.content.lock();
        content.applied.insert(balancer.to_owned(), (revision, listeners));
        content.untold.insert(balancer.to_owned());
        drop(content);
        self.shared.filled.notify_one();
    }

    fn wake(&self, target_group: &str) {
        self.shared.content.lock().wakes.insert(target_group.to_owned());
        self.shared.filled.notify_one();
    }
}
