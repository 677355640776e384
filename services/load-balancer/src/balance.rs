//! Which group and which target a request goes to (LB-32, LB-34).

pub mod anomaly;
pub mod sticky;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::Utc;
use routing::attributes::Algorithm;

use crate::random;
use crate::state::{Group, GroupView, LiveTarget};

/// One of the groups of a forward action, in proportion to the weights; a weight of 0 gets nothing (LB-32).
pub fn choose_group(groups: &[(u32, Arc<Group>)]) -> Option<&Arc<Group>> {
    if let [(weight, group)] = groups {
        return (*weight > 0).then_some(group);
    }
    let sum: u64 = groups.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut drawn = random::below(sum);
    groups.iter().find_map(|(weight, group)| {
        let weight = u64::from(*weight);
        if drawn < weight {
            return Some(group);
        }
        drawn -= weight;
        None
    })
}

/// A target for a new request, none of `tried`.
pub fn choose_target(group: &Group, view: &GroupView, tried: &[u64]) -> Option<Arc<LiveTarget>> {
    let config = view.config.as_ref()?;
    let attributes = &config.attributes;
    let eligible = &view.eligible;
    if eligible.is_empty() {
        return None;
    }
    let first = group.turn.fetch_add(1, Ordering::Relaxed) % eligible.len();
    let in_turn = || {
        eligible[first..]
            .iter()
            .chain(&eligible[..first])
            .filter(|target| !tried.contains(&target.number))
    };
    let chosen = match attributes.algorithm {
        Algorithm::LeastOutstandingRequests => {
            in_turn().min_by_key(|target| target.counters.outstanding.load(Ordering::Relaxed))
        }
        Algorithm::WeightedRandom => by_weight(in_turn),
        Algorithm::RoundRobin if attributes.slow_start_seconds > 0 && !view.fail_open => {
            let now = Utc::now().timestamp_millis();
            let slow = f64::from(attributes.slow_start_seconds) * 1000.0;
            in_turn()
                .find(|target| random::fraction() < warmth(target, now, slow))
                .or_else(|| in_turn().next())
        }
        Algorithm::RoundRobin => in_turn().next(),
    };
    chosen.cloned()
}

/// The share of its full part that a target gets: it grows linearly from 0 to 1 over `slow` milliseconds after it became healthy.
fn warmth(target: &LiveTarget, now: i64, slow: f64) -> f64 {
    let Some(since) = target.healthy_since() else {
        return 1.0;
    };
    ((now - since) as f64 / slow).clamp(0.0, 1.0)
}

fn by_weight<'a, I: Iterator<Item = &'a Arc<LiveTarget>>>(
    targets: impl Fn() -> I,
) -> Option<&'a Arc<LiveTarget>> {
    let weight = |target: &LiveTarget| u64::from(target.counters.weight.load(Ordering::Relaxed));
    let sum: u64 = targets().map(|target| weight(target)).sum();
    let mut drawn = random::below(sum);
    let drawn = targets().find(|target| {
        let weight = weight(target);
        let hit = drawn < weight;
        drawn = drawn.saturating_sub(weight);
        hit
    });
    // Weights that sank between both looks may leave nobody.
    drawn.or_else(|| targets().next())
}
