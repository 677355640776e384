//! How many tasks of each group are on which hosts.

use std::collections::HashMap;
use std::sync::Arc;

/// For each group the hosts with tasks of it, by slot ascending, and their number there.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupCounts {
    groups: HashMap<Arc<str>, Vec<(u32, u32)>>,
}

impl GroupCounts {
    /// The hosts with tasks of a group, and how many.
    pub(super) fn of(&self, group: &str) -> &[(u32, u32)] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// All groups that have tasks, in no order.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&str, &[(u32, u32)])> {
        self.groups
            .iter()
            .map(|(group, hosts)| (&**group, hosts.as_slice()))
    }

    /// Sets how many tasks of a group a host has.
    pub(super) fn set(&mut self, group: &str, slot: u32, count: u32) {
        if count == 0 {
            self.remove(group, slot);
            return;
        }
        if !self.groups.contains_key(group) {
            self.groups.insert(group.into(), Vec::new());
        }
        let Some(hosts) = self.groups.get_mut(group) else {
            return;
        };
        match hosts.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => hosts[at].1 = count,
            Err(at) => hosts.insert(at, (slot, count)),
        }
    }

    fn remove(&mut self, group: &str, slot: u32) {
        let Some(hosts) = self.groups.get_mut(group) else {
            return;
        };
        if let Ok(at) = hosts.binary_search_by_key(&slot, |(slot, _)| *slot) {
            hosts.remove(at);
        }
        if hosts.is_empty() {
            self.groups.remove(group);
        }
    }
}
