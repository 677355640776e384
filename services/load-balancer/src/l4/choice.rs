//! Which target a flow goes to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use routing::TargetGroup;
use routing::attributes::Stickiness;

use crate::random;
use crate::state::{Group, LiveListener, LiveTarget, Step, fingerprint};

/// A target with its group as it stood when it was chosen.
#[derive(Clone)]
pub(super) struct Chosen {
    pub group: Arc<Group>,
    pub config: Arc<TargetGroup>,
    pub target: Arc<LiveTarget>,
    pub address: SocketAddr,
}

/// What decides between targets that are equally good.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// Each connection on its own, in turn.
    Turn,
    /// Datagrams of one client's socket go to one target, whichever proxy gets them.
    Flow,
}

/// A target for a new flow of `client`, besides those whose numbers are in `avoid`. None when no group with a weight has one that takes
/// flows; a group is not replaced by another (LB-32).
pub(super) fn choose(listener: &LiveListener, client: SocketAddr, by: By, avoid: &[u64]) -> Option<Chosen> {
    let groups = forward(listener)?;
    let sum: u64 = groups.iter().map(|(weight, _)| u64::from(*weight)).sum();
    if sum == 0 {
        return None;
    }
    let sticky = groups.iter().any(|(_, group)| is_sticky(group));
    let draw = match by {
        By::Turn if sticky => key_of_address(client.ip()) % sum,
        By::Turn => random::below(sum),
        By::Flow => key_of_flow(client) % sum,
    };
    let group = at(groups, draw)?;
    let view = group.view();
    let config = view.config.clone()?;
    let candidates = || {
        view.eligible
            .iter()
            .filter(|target| !avoid.contains(&target.number))
    };
    let target = match (by, config.attributes.stickiness == Some(Stickiness::SourceIp)) {
        (_, true) => nearest(candidates(), key_of_address(client.ip())),
        (By::Flow, false) => nearest(candidates(), key_of_flow(client)),
        (By::Turn, false) => {
            let count = candidates().count().max(1);
            let turn = group.turn.fetch_add(1, Ordering::Relaxed);
            candidates().nth(turn % count)
        }
    }?;
    Some(Chosen {
        address: target.address?,
        target: target.clone(),
        config,
        group: group.clone(),
    })
}

/// Listeners of network balancers have nothing but a default action that forwards.
fn forward(listener: &LiveListener) -> Option<&[(u32, Arc<Group>)]> {
    listener.default.steps.iter().find_map(|step| match step {
        Step::Forward { groups, .. } => Some(groups.as_slice()),
        Step::Other(_) => None,
    })
}

fn is_sticky(group: &Group) -> bool {
    let view = group.view();
    view.config
        .as_ref()
        .is_some_and(|config| config.attributes.stickiness == Some(Stickiness::SourceIp))
}

fn at(groups: &[(u32, Arc<Group>)], mut draw: u64) -> Option<&Arc<Group>> {
    for (weight, group) in groups {
        let weight = u64::from(*weight);
        if draw < weight {
            return Some(group);
        }
        draw -= weight;
    }
    None
}

/// Rendezvous hashing: when a target comes or goes, only its own flows move.
fn nearest<'t>(targets: impl Iterator<Item = &'t Arc<LiveTarget>>, key: u64) -> Option<&'t Arc<LiveTarget>> {
    targets.max_by_key(|target| fingerprint(&[&key.to_be_bytes(), &target.fingerprint.to_be_bytes()]))
}

fn key_of_address(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => fingerprint(&[&address.octets()]),
        IpAddr::V6(address) => fingerprint(&[&address.octets()]),
    }
}

fn key_of_flow(client: SocketAddr) -> u64 {
    fingerprint(&[
        &key_of_address(client.ip()).to_be_bytes(),
        &client.port().to_be_bytes(),
    ])
}
