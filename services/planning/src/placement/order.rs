//! The strategies of a request as a key to compare hosts by, and the counts of tasks that the key needs (P-03, P-04).

use super::column::ValueId;
use super::index::Index;
use super::request::{BinpackField, MAX_STRATEGIES, Request, SpreadField, Strategy};

/// One element of the key; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Tasks of the group on hosts with the same value of the n-th attribute spread over.
    Spread(usize),
    /// Tasks of the group on the host.
    Tasks,
    FreeCpu,
    FreeMemory,
}

/// An attribute that tasks are spread over.
pub(super) struct Spread {
    pub(super) attribute: String,
    /// Tasks of the group on ACTIVE hosts, by value.
    pub(super) counts: Vec<i64>,
}

/// In what order hosts are preferred, following what is placed.
pub(super) struct Order {
    /// The elements of the key. What cannot tell hosts apart any more is left out.
    pub(super) parts: Vec<Part>,
    pub(super) spreads: Vec<Spread>,
    /// Tasks of the group by slot; empty when no part asks.
    pub(super) tasks: Vec<i64>,
}

impl Order {
    pub(super) fn new(index: &Index, request: &Request) -> Self {
        let mut order = Self {
            parts: Vec::new(),
            spreads: Vec::new(),
            tasks: Vec::new(),
        };
        for strategy in request.effective_strategies().into_iter().take(MAX_STRATEGIES) {
            let part = match strategy {
                Strategy::Random => break,
                Strategy::Binpack(BinpackField::Cpu) => Part::FreeCpu,
                Strategy::Binpack(BinpackField::Memory) => Part::FreeMemory,
                Strategy::Spread(SpreadField::Instance) => Part::Tasks,
                Strategy::Spread(SpreadField::Attribute(name)) => {
                    match order.spread_over(index, request, name) {
                        Some(part) => part,
                        None => continue,
                    }
                }
            };
            if !order.parts.contains(&part) {
                order.parts.push(part);
            }
        }
        if order.parts.contains(&Part::Tasks) {
            order.tasks.resize(index.free_cpu.len(), 0);
            for (slot, count) in index.groups.of(&request.group) {
                order.tasks[*slot as usize] = i64::from(*count);
            }
        }
        order
    }

    /// `None` for an attribute that was there before or that no host has.
    fn spread_over(&mut self, index: &Index, request: &Request, attribute: String) -> Option<Part> {
        if self.spreads.iter().any(|spread| spread.attribute == attribute) {
            return None;
        }
        let column = index.attribute(&attribute)?;
        let mut counts = vec![0; column.width()];
        for (slot, count) in index.groups.of(&request.group) {
            if index.active.contains(*slot) {
                counts[column.id(*slot) as usize] += i64::from(*count);
            }
        }
        self.spreads.push(Spread { attribute, counts });
        Some(Part::Spread(self.spreads.len() - 1))
    }

    /// Counts one more task on a host.
    pub(super) fn placed(&mut self, index: &Index, slot: u32) {
        for spread in &mut self.spreads {
            let value = value(index, &spread.attribute, slot);
            spread.counts[value as usize] += 1;
        }
        if let Some(count) = self.tasks.get_mut(slot as usize) {
            *count += 1;
        }
    }

    /// No more combinations of values of the attributes spread over can there be.
    pub(super) fn greatest_class_count(&self) -> usize {
        self.spreads
            .iter()
            .fold(1, |product, spread| product.saturating_mul(spread.counts.len()))
    }

    /// The parts of which each host has its own value, unlike the counts by attribute.
    pub(super) fn own_parts(&self) -> impl Iterator<Item = Part> {
        self.parts
            .iter()
            .copied()
            .filter(|part| !matches!(part, Part::Spread(_)))
    }

    /// The values by slot of a part of which each host has its own.
    pub(super) fn column<'a>(&'a self, index: &'a Index, part: Part) -> &'a [i64] {
        match part {
            Part::FreeCpu => &index.free_cpu,
            Part::FreeMemory => &index.free_memory,
            Part::Tasks => &self.tasks,
            Part::Spread(_) => &[],
        }
    }
}

fn value(index: &Index, attribute: &str, slot: u32) -> ValueId {
    index.attribute(attribute).map_or(0, |column| column.id(slot))
}
