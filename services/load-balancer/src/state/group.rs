//! A target group: its settings and targets, and which of them take new requests.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, TimeDelta, Utc};
use routing::{Health, HealthState, TargetGroup};
use tokio::sync::Notify;

use crate::metrics::GroupSeries;

use super::target::{LiveTarget, fingerprint};

/// Counts of a group, all since the process began.
#[derive(Debug, Default)]
pub struct GroupCounters {
    pub requests: AtomicU64,
    /// Requests that wait for a target to wake up.
    pub held: AtomicU32,
}

/// The same value for as long as a rule names the group or it exists; what changes is its view.
pub struct Group {
    pub arn: Arc<str>,
    pub counters: GroupCounters,
    /// Whose turn it is, for round robin.
    pub turn: AtomicUsize,
    /// What group stickiness cookies name this group by.
    pub fingerprint: u64,
    /// Where [`crate::metrics`] counts what goes through it.
    pub series: OnceLock<Arc<GroupSeries>>,
    view: ArcSwap<GroupView>,
    changed: Notify,
}

/// A group at one moment.
#[derive(Default)]
pub struct GroupView {
    /// None: a rule names it, but it was not sent or is gone.
    pub config: Option<Arc<TargetGroup>>,
    /// Registered and draining targets.
    pub targets: Vec<Arc<LiveTarget>>,
    /// No longer registered, without having drained here; they finish what they have.
    pub leaving: Vec<Arc<LiveTarget>>,
    /// Those that take new requests.
    pub eligible: Vec<Arc<LiveTarget>>,
    /// Too few are healthy, so unhealthy ones are eligible too (LB-18).
    pub fail_open: bool,
    /// How many are healthy.
    pub healthy: usize,
}

impl Group {
    pub(super) fn new(arn: &str) -> Self {
        Self {
            arn: arn.into(),
            counters: GroupCounters::default(),
            turn: AtomicUsize::new(0),
            fingerprint: fingerprint(&[arn.as_bytes()]),
            series: OnceLock::new(),
            view: ArcSwap::default(),
            changed: Notify::new(),
        }
    }

    /// The group as it is now, for a short look: not across an await.
    pub fn view(&self) -> Guard<Arc<GroupView>> {
        self.view.load()
    }

    /// The group as it is now, to keep.
    pub fn view_owned(&self) -> Arc<GroupView> {
        self.view.load_full()
    }

    /// Ends at the next change of the view after this call's first poll.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A future for the next change: what changes after this call counts, even before the first poll.
    pub fn next_change(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn set(&self, config: TargetGroup, now: DateTime<Utc>) -> bool {
        let old = self.view.load();
        let known = old.config.as_ref();
        if known.is_some_and(|known| known.revision == config.revision) {
            return false;
        }
        let mut targets = Vec::with_capacity(config.targets.len());
        for target in &config.targets {
            match old
                .targets
                .iter()
                .find(|live| live.is(target) && !live.is_ended())
            {
                Some(live) => {
                    live.update(target);
                    targets.push(live.clone());
                }
                None => targets.push(Arc::new(LiveTarget::new(target))),
            }
        }
        let mut leaving: Vec<_> = old
            .leaving
            .iter()
            .filter(|live| !live.is_ended())
            .cloned()
            .collect();
        let delay = TimeDelta::seconds(i64::from(config.attributes.deregistration_delay_seconds));
        for live in &old.targets {
            if targets.iter().any(|kept| Arc::ptr_eq(kept, live)) {
                continue;
            }
            // One that was draining was dropped by the server at the end of its delay. Another one's draining was never told here.
            if live.is_draining() || delay.is_zero() {
                live.end();
            } else {
                live.drain_until(now + delay);
                leaving.push(live.clone());
            }
        }
        self.publish(Some(Arc::new(config)), targets, leaving);
        true
    }

    pub(super) fn clear(&self) {
        let view = self.view.load();
        for live in view.targets.iter().chain(&view.leaving) {
            live.end();
        }
        self.publish(None, Vec::new(), Vec::new());
    }

    pub(super) fn observe(&self, id: &str, port: u16, health: &Health, since: DateTime<Utc>) -> bool {
        let view = self.view.load_full();
        let mut changed = false;
        for target in view
            .targets
            .iter()
            .filter(|target| target.id == id && target.port == port)
        {
            changed |= target.observe(health.state, since);
        }
        if changed {
            self.publish(view.config.clone(), view.targets.clone(), view.leaving.clone());
        }
        changed
    }

    pub(super) fn forget_checks(&self) {
        let view = self.view.load_full();
        for target in &view.targets {
            target.forget_checks();
        }
        if let Some(config) = &view.config {
            for (target, told) in view.targets.iter().zip(&config.targets) {
                target.update(told);
            }
        }
        self.publish(view.config.clone(), view.targets.clone(), view.leaving.clone());
    }

    fn publish(
        &self,
        config: Option<Arc<TargetGroup>>,
        targets: Vec<Arc<LiveTarget>>,
        leaving: Vec<Arc<LiveTarget>>,
    ) {
        let view = GroupView {
            leaving,
            ..GroupView::new(config, targets)
        };
        self.view.store(Arc::new(view));
        self.changed.notify_waiters();
    }
}

impl GroupView {
    fn new(config: Option<Arc<TargetGroup>>, targets: Vec<Arc<LiveTarget>>) -> Self {
        let reachable = |target: &&Arc<LiveTarget>| target.address.is_some() && !target.is_draining();
        let healthy: Vec<_> = targets
            .iter()
            .filter(reachable)
            .filter(|target| is_healthy(target.state()))
            .cloned()
            .collect();
        let mut view = Self {
            healthy: healthy.len(),
            eligible: healthy,
            targets,
            leaving: Vec::new(),
            config,
            fail_open: false,
        };
        if view.healthy < view.minimum_healthy() {
            // Targets that were never checked do not count: nothing says yet that they listen at all.
            let checked: Vec<_> = view
                .targets
                .iter()
                .filter(reachable)
                .filter(|target| is_checked(target.state()))
                .cloned()
                .collect();
            view.fail_open = checked.len() > view.healthy;
            view.eligible = checked;
        }
        view
    }

    fn minimum_healthy(&self) -> usize {
        let Some(config) = &self.config else { return 0 };
        let registered = self.targets.iter().filter(|target| !target.is_draining()).count();
        let share = config.attributes.minimum_healthy_percent.unwrap_or(0) as usize;
        let by_percent = (registered * share).div_ceil(100);
        by_percent.max(config.attributes.minimum_healthy_count as usize)
    }
}

fn is_healthy(state: HealthState) -> bool {
    matches!(state, HealthState::Healthy | HealthState::Unavailable)
}

fn is_checked(state: HealthState) -> bool {
    is_healthy(state) || matches!(state, HealthState::Unhealthy | HealthState::UnhealthyDraining)
}
