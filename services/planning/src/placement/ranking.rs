//! The fitting hosts put in order, for requests of many tasks.
//!
//! Hosts with the same values of all attributes spread over form a class: whatever is placed, such attributes never
//! tell them apart. So a class orders its hosts by what is their own (tasks of the group, free cpu, free memory), and
//! only the heads of the classes are compared by the whole key. A placement changes the key of one host and of the
//! classes that share a value with it; the latter are found out of date when they come up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::Rng;

use super::bits::Bits;
use super::column::ValueId;
use super::index::Index;
use super::numbering::{Numbering, mix};
use super::order::{Order, Part};
use super::request::MAX_STRATEGIES;

/// Elements of the key of which each host has its own value.
const OWN: usize = 3;

/// A host within its class. Ties are split by chance, then by slot so that the order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    key: (i64, i64, i64),
    tie: u32,
    slot: u32,
}

/// A class by the key of its best host at the time of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    key: [i64; MAX_STRATEGIES],
    tie: u32,
    class: u32,
}

/// The hosts of a class.
enum Class {
    /// Nothing of their own tells them apart: any is as good.
    Bag(Vec<u32>),
    Ordered(BinaryHeap<Reverse<Ranked>>),
}

/// The fitting hosts in order of preference, following what is placed.
pub(super) struct Ranking {
    order: Order,
    /// The parts of which each host has its own value.
    own: Vec<Part>,
    classes: Vec<Class>,
    /// For each class in turn its value of each attribute spread over.
    values: Vec<ValueId>,
    /// One for each class that has hosts.
    heads: BinaryHeap<Reverse<Head>>,
    /// The class of the host picked last.
    picked: u32,
    seed: u64,
}

impl Ranking {
    /// Orders the hosts for at most `picks` picks.
    pub(super) fn new(index: &Index, order: Order, hosts: &Bits, picks: usize, seed: u64) -> Self {
        let own: Vec<Part> = order.own_parts().collect();
        let slots: Vec<u32> = hosts.iter().collect();
        let (class_of, values) = classify(index, &order, &slots);
        let count = class_of.iter().max().map_or(0, |last| *last as usize + 1);
        let classes = match own.is_empty() {
            true => bags(&slots, &class_of, count),
            false => heaps(
                &columns(index, &order, &own),
                &slots,
                &class_of,
                count,
                picks,
                seed,
            ),
        };
        let mut ranking = Self {
            order,
            own,
            classes,
            values,
            heads: BinaryHeap::new(),
            picked: 0,
            seed,
        };
        ranking.heads = (0..count as u32)
            .filter_map(|class| ranking.head(class))
            .map(Reverse)
            .collect();
        ranking
    }

    /// Takes out the best host.
    pub(super) fn pick(&mut self, rng: &mut impl Rng) -> Option<u32> {
        loop {
            let Reverse(head) = self.heads.pop()?;
            let Some(current) = self.head(head.class) else {
                continue;
            };
            // Counts of tasks only grow while placing, so a head out of date stands too far in front, never too far
            // back.
            if current.key != head.key {
                self.heads.push(Reverse(current));
                continue;
            }
            self.picked = head.class;
            return match &mut self.classes[head.class as usize] {
                Class::Bag(slots) => Some(slots.swap_remove(rng.random_range(0..slots.len()))),
                Class::Ordered(heap) => heap.pop().map(|Reverse(ranked)| ranked.slot),
            };
        }
    }

    /// Follows the placement of a task on the host picked last.
    pub(super) fn placed(&mut self, index: &Index, slot: u32, fits: bool) {
        self.seed = mix(self.seed);
        self.order.placed(index, slot);
        if fits {
            match &mut self.classes[self.picked as usize] {
                Class::Bag(slots) => slots.push(slot),
                Class::Ordered(heap) => {
                    let key = key(&columns(index, &self.order, &self.own), slot);
                    heap.push(Reverse(Ranked {
                        key,
                        tie: tie(self.seed, slot),
                        slot,
                    }));
                }
            }
        }
        self.heads.extend(self.head(self.picked).map(Reverse));
    }

    fn head(&self, class: u32) -> Option<Head> {
        let (own, tie) = match &self.classes[class as usize] {
            Class::Bag(slots) if slots.is_empty() => return None,
            Class::Bag(_) => ((0, 0, 0), tie(self.seed, class)),
            Class::Ordered(heap) => heap.peek().map(|Reverse(best)| (best.key, best.tie))?,
        };
        let width = self.order.spreads.len();
        let values = &self.values[class as usize * width..][..width];
        let mut own = [own.0, own.1, own.2].into_iter();
        let mut key = [0; MAX_STRATEGIES];
        for (element, part) in key.iter_mut().zip(&self.order.parts) {
            *element = match part {
                Part::Spread(nth) => self.order.spreads[*nth].counts[values[*nth] as usize],
                _ => own.next().unwrap_or(0),
            };
        }
        Some(Head { key, tie, class })
    }
}

/// The class of each slot, by order of appearance, and the values of the classes.
fn classify(index: &Index, order: &Order, slots: &[u32]) -> (Vec<u32>, Vec<ValueId>) {
    let mut class_of = vec![0; slots.len()];
    let (mut count, mut values): (usize, Vec<ValueId>) = (1, Vec::new());
    for (done, spread) in order.spreads.iter().enumerate() {
        let Some(column) = index.attribute(&spread.attribute) else {
            continue;
        };
        let mut numbering = Numbering::new(count * column.width());
        let mut refined = Vec::new();
        count = 0;
        for (slot, class) in slots.iter().zip(&mut class_of) {
            let value = column.id(*slot);
            let key = u64::from(*class) * column.width() as u64 + u64::from(value);
            let number = numbering.number(key, count as u32);
            if number as usize == count {
                refined.extend_from_slice(&values[*class as usize * done..][..done]);
                refined.push(value);
                count += 1;
            }
            *class = number;
        }
        values = refined;
    }
    (class_of, values)
}

fn bags(slots: &[u32], class_of: &[u32], count: usize) -> Vec<Class> {
    let mut bags = vec![Vec::new(); count];
    for (slot, class) in slots.iter().zip(class_of) {
        bags[*class as usize].push(*slot);
    }
    bags.into_iter().map(Class::Bag).collect()
}

/// The best `picks` hosts of each class: no class gives away more different ones, and a host left behind all of them
/// stays behind them, since only picked hosts change.
fn heaps(
    columns: &[&[i64]; OWN],
    slots: &[u32],
    class_of: &[u32],
    count: usize,
    picks: usize,
    seed: u64,
) -> Vec<Class> {
    let mut best: Vec<BinaryHeap<Ranked>> = vec![BinaryHeap::new(); count];
    for (slot, class) in slots.iter().copied().zip(class_of) {
        let heap = &mut best[*class as usize];
        let key = key(columns, slot);
        if heap.len() < picks {
            heap.push(Ranked {
                key,
                tie: tie(seed, slot),
                slot,
            });
        } else if heap.peek().is_some_and(|worst| key <= worst.key) {
            let ranked = Ranked {
                key,
                tie: tie(seed, slot),
                slot,
            };
            if let Some(mut worst) = heap.peek_mut()
                && ranked < *worst
            {
                *worst = ranked;
            }
        }
    }
    let ordered = |heap: BinaryHeap<Ranked>| Class::Ordered(heap.into_iter().map(Reverse).collect());
    best.into_iter().map(ordered).collect()
}

/// The columns that make up the own key of a host; empty ones count as all zeros.
fn columns<'a>(index: &'a Index, order: &'a Order, own: &[Part]) -> [&'a [i64]; OWN] {
    let mut columns: [&[i64]; OWN] = [&[]; OWN];
    for (column, part) in columns.iter_mut().zip(own) {
        *column = order.column(index, *part);
    }
    columns
}

#[inline]
fn key([first, second, third]: &[&[i64]; OWN], slot: u32) -> (i64, i64, i64) {
    let of = |column: &[i64]| column.get(slot as usize).copied().unwrap_or(0);
    (of(first), of(second), of(third))
}

#[inline]
fn tie(seed: u64, item: u32) -> u32 {
    mix(seed ^ u64::from(item)) as u32
}
