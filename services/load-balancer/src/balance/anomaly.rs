//! Anomaly mitigation of weighted random routing: a target that fails much more often than its neighbours gets less, until it is like
//! them again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use routing::attributes::Algorithm;

use crate::state::{Group, LiveTarget};

/// A full part.
pub const FULL_WEIGHT: u32 = 1000;
/// What an anomalous target keeps, so that its recovery is seen.
const LEAST_WEIGHT: u32 = 50;
/// Requests in a period below which nothing is concluded of a target.
const ENOUGH: u64 = 10;
/// Anomalous: fails at more than this many times the rate of the others, and by this much more.
const TIMES: f64 = 3.0;
const MARGIN: f64 = 0.05;

/// What was counted of targets at the last look, by their numbers.
#[derive(Default)]
pub struct Watch {
    before: HashMap<u64, (u64, u64)>,
}

impl Watch {
    /// Compares the targets of each group over the time since the last look, and sets their weights.
    pub fn look(&mut self, groups: &[Arc<Group>]) {
        let mut now = HashMap::new();
        for group in groups {
            let view = group.view_owned();
            let attributes = view.config.as_ref().map(|config| &config.attributes);
            let on = attributes.is_some_and(|attributes| {
                attributes.anomaly_mitigation && attributes.algorithm == Algorithm::WeightedRandom
            });
            let counts = |target: &LiveTarget| {
                let counters = &target.counters;
                (
                    counters.requests.load(Ordering::Relaxed),
                    counters.failures.load(Ordering::Relaxed),
                )
            };
            let mut periods = Vec::new();
            for target in &view.targets {
                let (requests, failures) = counts(target);
                let (old_requests, old_failures) = self
                    .before
                    .get(&target.number)
                    .copied()
                    .unwrap_or((requests, failures));
                now.insert(target.number, (requests, failures));
                periods.push((requests - old_requests, failures - old_failures));
            }
            for (target, (period, weight)) in view.targets.iter().zip(periods.iter().map(|period| {
                let others = periods
                    .iter()
                    .fold((0, 0), |sum, other| (sum.0 + other.0, sum.1 + other.1));
                (*period, (others.0 - period.0, others.1 - period.1))
            })) {
                let old = target.counters.weight.load(Ordering::Relaxed);
                let new = if on {
                    next_weight(old, period, weight)
                } else {
                    FULL_WEIGHT
                };
                target.counters.weight.store(new, Ordering::Relaxed);
            }
        }
        self.before = now;
    }
}

/// The weight for the next period, by (requests, failures) of the target and of all others.
fn next_weight(weight: u32, own: (u64, u64), others: (u64, u64)) -> u32 {
    if own.0 < ENOUGH || others.0 < ENOUGH {
        return (weight * 2)
            .min(FULL_WEIGHT)
            .max(if own.0 == 0 { weight } else { LEAST_WEIGHT });
    }
    let rate = |(requests, failures): (u64, u64)| failures as f64 / requests as f64;
    if rate(own) > rate(others) * TIMES + MARGIN {
        (weight / 2).max(LEAST_WEIGHT)
    } else {
        (weight * 2).min(FULL_WEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb34_a_target_that_fails_more_than_its_neighbours_gets_less_and_comes_back() {
        let mut weight = FULL_WEIGHT;
        for _ in 0..10 {
            weight = next_weight(weight, (100, 60), (300, 3));
        }
        assert_eq!(weight, LEAST_WEIGHT);
        assert_eq!(next_weight(weight, (100, 1), (300, 3)), 2 * LEAST_WEIGHT);
        assert_eq!(
            next_weight(FULL_WEIGHT, (100, 60), (300, 190)),
            FULL_WEIGHT,
            "all of them fail"
        );
    }
}
