//! Which of the fitting hosts comes next.

use rand::Rng;

use super::bits::Bits;
use super::index::Index;
use super::order::{Order, Part};
use super::ranking::Ranking;
use super::request::Request;

/// Up to this many tasks it is cheaper to look through the hosts for each than to put them in order ...
const FEW: usize = 3;

/// ... and one more for each so many classes of hosts that the order would have.
const CLASSES_A_TASK: usize = 50;

/// Gives the fitting hosts by preference, following what is placed. Ties are split by chance.
pub(super) enum Picker {
    Few { order: Order, fitting: Bits },
    Many(Box<Ranking>),
}

impl Picker {
    /// Picks among the fitting hosts for `count` tasks.
    pub(super) fn new(
        index: &Index,
        request: &Request,
        fitting: Bits,
        count: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let order = Order::new(index, request);
        if count <= FEW + order.greatest_class_count() / CLASSES_A_TASK {
            return Self::Few { order, fitting };
        }
        Self::Many(Box::new(Ranking::new(
            index,
            order,
            &fitting,
            count,
            rng.random(),
        )))
    }

    /// The slot of the best host, which stays picked until [`Picker::placed`].
    pub(super) fn pick(&mut self, index: &Index, rng: &mut impl Rng) -> Option<u32> {
        match self {
            Self::Few { order, fitting } => {
                let best = narrowed(index, order, fitting.clone());
                match best.len() {
                    0 => None,
                    tied => best.iter().nth(rng.random_range(0..tied)),
                }
            }
            Self::Many(ranking) => ranking.pick(rng),
        }
    }

    /// Follows the placement of a task on the picked host; `fits` tells whether it can take another one.
    pub(super) fn placed(&mut self, index: &Index, slot: u32, fits: bool) {
        match self {
            Self::Few { order, fitting } => {
                order.placed(index, slot);
                fitting.set(slot, fits);
            }
            Self::Many(ranking) => ranking.placed(index, slot, fits),
        }
    }
}

/// The best of the hosts: each part of the key in turn keeps those that are least by it.
fn narrowed(index: &Index, order: &Order, mut hosts: Bits) -> Bits {
    for part in &order.parts {
        match part {
            Part::Spread(nth) => {
                let spread = &order.spreads[*nth];
                if let Some(column) = index.attribute(&spread.attribute) {
                    column.retain_least(&mut hosts, |value| spread.counts[value as usize]);
                }
            }
            own => hosts.retain_least(order.column(index, *own), |value| *value),
        }
    }
    hosts
}
