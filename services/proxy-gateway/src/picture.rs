//! All that proxies may have to know, as it was read last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use routing::{HealthReason, TargetGroup};
use store::proxies::LiveProxy;
use store::routes::{StoredBalancer, StoredCertificate};
use uuid::Uuid;

/// A target group, encoded once for all proxies.
pub(crate) struct Group {
    pub revision: i64,
    /// `ToProxy::TargetGroup`.
    pub message: Utf8Bytes,
    /// Some targets wait for somebody who checks them.
    pub fresh: bool,
}

/// Replaced as a whole by the loader; sessions hold one while they compare.
#[derive(Clone, Default)]
pub(crate) struct Picture {
    pub balancers: HashMap<String, Arc<StoredBalancer>>,
    /// Groups that balancers name; `None`: not there, or none that a proxy can serve.
    pub groups: HashMap<String, Option<Arc<Group>>>,
    /// Certificates that balancers show; `None`: not there or not issued.
    pub certificates: HashMap<String, Option<Arc<StoredCertificate>>>,
    pub proxies: Arc<Vec<LiveProxy>>,
    /// Which target groups a session checks. Each is checked by one.
    pub checks: Arc<HashMap<Uuid, BTreeSet<String>>>,
    /// How many reads were finished.
    pub reads: u64,
}

/// What one proxy has to have: ARNs with revisions.
#[derive(Default)]
pub(crate) struct Reach<'a> {
    pub balancers: BTreeMap<&'a str, i64>,
    pub groups: BTreeMap<&'a str, i64>,
    pub certificates: BTreeMap<&'a str, i64>,
}

impl Picture {
    /// What a proxy with this filter has to have.
    pub fn reach(&self, filter: &[String]) -> Reach<'_> {
        let mut reach = Reach::default();
        for balancer in self
            .balancers
            .values()
            .filter(|balancer| serves(filter, balancer))
        {
            reach.balancers.insert(balancer.arn(), balancer.revision());
            for arn in balancer.target_groups() {
                if let Some(Some(group)) = self.groups.get(arn) {
                    reach.groups.insert(arn, group.revision);
                }
            }
            for arn in balancer.certificates() {
                if let Some(Some(certificate)) = self.certificates.get(arn) {
                    reach.certificates.insert(arn, certificate.revision);
                }
            }
        }
        reach
    }

    /// Gives each group that is in use to one of the live proxies that serve it. All servers come to the same end, and a proxy that
    /// comes or goes changes as little as possible.
    pub fn assign(&self) -> HashMap<Uuid, BTreeSet<String>> {
        let mut servers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for balancer in self.balancers.values() {
            let serving = self
                .proxies
                .iter()
                .enumerate()
                .filter(|(_, proxy)| serves(&proxy.balancers, balancer))
                .map(|(place, _)| place);
            let serving: BTreeSet<usize> = serving.collect();
            for arn in balancer.target_groups() {
                if matches!(self.groups.get(arn), Some(Some(_))) {
                    servers.entry(arn).or_default().extend(&serving);
                }
            }
        }
        let mut checks: HashMap<Uuid, BTreeSet<String>> = HashMap::new();
        for (group, serving) in servers {
            let chosen = serving
                .into_iter()
                .map(|place| &self.proxies[place])
                .max_by_key(|proxy| weight(&proxy.name, group));
            if let Some(proxy) = chosen {
                checks
                    .entry(proxy.session_id)
                    .or_default()
                    .insert(group.to_owned());
            }
        }
        checks
    }

    /// Whether this session checks the group.
    pub fn checks(&self, session: Uuid, group: &str) -> bool {
        self.checks
            .get(&session)
            .is_some_and(|groups| groups.contains(group))
    }
}

/// Whether a proxy with this filter serves the balancer.
fn serves(filter: &[String], balancer: &StoredBalancer) -> bool {
    filter.is_empty()
        || filter
            .iter()
            .any(|wanted| wanted == balancer.name() || wanted == balancer.arn())
}

/// Rendezvous hashing: the proxy with the greatest weight has the group. The same in every version of Berth.
fn weight(proxy: &str, group: &str) -> u64 {
    // FNV-1a, and the finalizer of SplitMix64 over it.
    let bytes = proxy.bytes().chain([0]).chain(group.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Encodes a target group for all proxies.
pub(crate) fn encoded(group: TargetGroup) -> Group {
    let fresh = group
        .targets
        .iter()
        .any(|target| target.health.reason == Some(HealthReason::RegistrationInProgress));
    Group {
        revision: group.revision,
        fresh,
        message: encode(&routing::message::ToProxy::TargetGroup {
            target_group: Box::new(group),
        }),
    }
}

/// A message as a text frame.
pub(crate) fn encode(message: &routing::message::ToProxy) -> Utf8Bytes {
    serde_json::to_string(message)
        .expect("messages are plain data with texts as keys")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_spread_over_proxies_and_few_move_when_one_goes() {
        let proxies = ["edge-1", "edge-2", "edge-3"];
        let groups: Vec<String> = (0..300)
            .map(|n| format!("targetgroup/web-{n}/{n:016x}"))
            .collect();
        let owner = |among: &[&'static str], group: &str| {
            *among
                .iter()
                .max_by_key(|proxy| weight(proxy, group))
                .expect("there is a proxy")
        };
        for proxy in proxies {
            let share = groups
                .iter()
                .filter(|group| owner(&proxies, group) == proxy)
                .count();
            assert!((60..140).contains(&share), "{proxy} has {share} of 300");
        }
        for group in &groups {
            let before = owner(&proxies, group);
            assert!(before == "edge-3" || owner(&proxies[..2], group) == before);
        }
    }
}
