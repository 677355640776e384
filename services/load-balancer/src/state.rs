//! What the workers read: balancers, listeners, rules and target groups as they stand now, with live counters. Readers take no locks;
//! writers replace values as a whole, so that a request sees one state from its beginning to its end.

mod group;
mod routes;
mod target;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use routing::{Balancer, Health, TargetGroup};

pub use group::{Group, GroupCounters, GroupView};
pub use routes::{LiveBalancer, LiveListener, LiveRule, Routes, Step};
pub use target::{LiveTarget, TargetCounters, fingerprint};

/// The proxy's current state. Shared by all workers.
#[derive(Default)]
pub struct State {
    routes: ArcSwap<Routes>,
    /// Raised after each change of `routes`: a connection that keeps its routes asks with one load whether they are still the last.
    version: AtomicU64,
    /// All groups that a rule names or that were sent. Also the writers' lock.
    groups: Mutex<HashMap<String, Arc<Group>>>,
}

impl State {
    pub fn new() -> Self {
        Self::default()
    }

    /// The routes as they are now.
    pub fn routes(&self) -> Arc<Routes> {
        self.routes.load_full()
    }

    /// Changes whenever [`Self::routes`] does.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A group that was sent or that a rule names.
    pub fn group(&self, arn: &str) -> Option<Arc<Group>> {
        self.groups.lock().get(arn).cloned()
    }

    /// All groups, in no order.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        self.groups.lock().values().cloned().collect()
    }

    /// Puts a balancer in force unless its revision is. True if it was put in force. (A lower one is that of a database which went back.)
    pub fn set_balancer(&self, balancer: Balancer) -> bool {
        let mut groups = self.groups.lock();
        let old = self.routes.load();
        let known = old.balancers.get(&balancer.arn);
        if known.is_some_and(|known| known.revision == balancer.revision) {
            return false;
        }
        let mut group_of = |arn: &str| {
            groups
                .entry(arn.to_owned())
                .or_insert_with(|| Arc::new(Group::new(arn)))
                .clone()
        };
        let routes = old.with(balancer, &mut group_of);
        self.publish(routes);
        true
    }

    /// Puts a target group in force unless its revision is. True if it was put in force. What was observed of targets that stay is kept.
    pub fn set_target_group(&self, config: TargetGroup) -> bool {
        let mut groups = self.groups.lock();
        let group = groups
            .entry(config.arn.clone())
            .or_insert_with(|| Arc::new(Group::new(&config.arn)));
        group.set(config, chrono::Utc::now())
    }

    /// Takes balancers and target groups away. Requests under way go on with what they have.
    pub fn remove(&self, arns: &[String]) {
        let mut groups = self.groups.lock();
        for arn in arns {
            if let Some(group) = groups.get(arn) {
                group.clear();
            }
        }
        let gone: HashSet<&str> = arns.iter().map(String::as_str).collect();
        let routes = self.routes.load();
        if routes.balancers.keys().any(|arn| gone.contains(arn.as_str())) {
            self.publish(routes.without(|arn| gone.contains(arn)));
        }
        let routes = self.routes.load();
        groups.retain(|arn, _| !gone.contains(arn.as_str()) || routes.names_group(arn));
    }

    /// Takes away every balancer and target group whose ARN is not in `arns`.
    pub fn retain(&self, arns: &HashSet<String>) {
        let mut gone: Vec<String> = self
            .groups
            .lock()
            .keys()
            .filter(|arn| !arns.contains(*arn))
            .cloned()
            .collect();
        gone.extend(
            self.routes
                .load()
                .balancers
                .keys()
                .filter(|arn| !arns.contains(*arn))
                .cloned(),
        );
        self.remove(&gone);
    }

    /// What this proxy's own checks say of a target; it goes before what the snapshot says, until [`Self::forget_checks`]. True if the
    /// target is known and its state changed.
    pub fn observe(
        &self,
        group: &str,
        id: &str,
        port: u16,
        health: &Health,
        since: chrono::DateTime<chrono::Utc>,
    ) -> bool {
        let groups = self.groups.lock();
        groups
            .get(group)
            .is_some_and(|group| group.observe(id, port, health, since))
    }

    /// This proxy checks the group no longer: the snapshot's word counts again.
    pub fn forget_checks(&self, group: &str) {
        if let Some(group) = self.groups.lock().get(group) {
            group.forget_checks();
        }
    }

    fn publish(&self, routes: Routes) {
        self.routes.store(Arc::new(routes));
        self.version.fetch_add(1, Ordering::Release);
    }
}
