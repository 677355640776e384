//! Columns over the hosts of a cluster, kept in step with them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{InstanceStatus, Protocol};

use super::bits::Bits;
use super::column::Column;
use super::counts::GroupCounts;
use super::host::Host;

/// What placement asks of all hosts at once, by slot. A slot without host is in none of the sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) active: Bits,
    pub(super) connected: Bits,
    pub(super) free_cpu: Vec<i64>,
    pub(super) free_memory: Vec<i64>,
    pub(super) free_gpus: Vec<u32>,
    pub(super) running_tasks: Vec<i64>,
    pub(super) registered_at: Vec<DateTime<Utc>>,
    pub(super) agent_versions: Column,
    pub(super) ec2_instance_ids: Column,
    pub(super) groups: GroupCounts,
    attributes: HashMap<Arc<str>, Column>,
    /// The hosts on which a port is taken.
    ports: HashMap<(Protocol, u16), Bits>,
}

impl Index {
    /// Brings the columns from one state of a slot to another; `None` is no host.
    pub(super) fn change(&mut self, slot: u32, old: Option<&Host>, new: Option<&Host>) {
        self.active.set(
            slot,
            new.is_some_and(|host| host.status == InstanceStatus::Active),
        );
        self.connected
            .set(slot, new.is_some_and(|host| host.agent_connected));
        self.change_texts(slot, old, new);
        self.change_ports(
            slot,
            Protocol::Tcp,
            old.map(|h| &h.used_ports),
            new.map(|h| &h.used_ports),
        );
        self.change_ports(
            slot,
            Protocol::Udp,
            old.map(|h| &h.used_ports_udp),
            new.map(|h| &h.used_ports_udp),
        );
        let groups = &mut self.groups;
        differences(
            old.map(|h| &h.task_groups),
            new.map(|h| &h.task_groups),
            |group, count| {
                groups.set(group, slot, count.copied().unwrap_or(0));
            },
        );
        if let Some(host) = new {
            self.change_amounts(slot, host);
            let at = slot as usize;
            if self.registered_at.len() <= at {
                self.registered_at.resize(at + 1, host.registered_at);
            }
            self.registered_at[at] = host.registered_at;
        }
    }

    fn change_texts(&mut self, slot: u32, old: Option<&Host>, new: Option<&Host>) {
        if version(old) != version(new) {
            self.agent_versions.set(slot, version(new).map(Some));
        }
        if ec2_instance_id(old) != ec2_instance_id(new) {
            self.ec2_instance_ids.set(slot, ec2_instance_id(new).map(Some));
        }
        let attributes = &mut self.attributes;
        differences(
            old.map(|h| &*h.attributes),
            new.map(|h| &*h.attributes),
            |name, value| {
                set_attribute(attributes, name, slot, value.map(Option::as_deref));
            },
        );
    }

    fn change_ports(
        &mut self,
        slot: u32,
        protocol: Protocol,
        old: Option<&BTreeSet<u16>>,
        new: Option<&BTreeSet<u16>>,
    ) {
        let none = BTreeSet::new();
        let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
        for port in old.symmetric_difference(new) {
            self.set_port(slot, protocol, *port, new.contains(port));
        }
    }

    /// Follows a change of what is free on a host.
    pub(super) fn change_amounts(&mut self, slot: u32, host: &Host) {
        let at = slot as usize;
        if self.free_cpu.len() <= at {
            self.free_cpu.resize(at + 1, 0);
            self.free_memory.resize(at + 1, 0);
            self.free_gpus.resize(at + 1, 0);
            self.running_tasks.resize(at + 1, 0);
        }
        self.free_cpu[at] = host.free_cpu();
        self.free_memory[at] = host.free_memory();
        self.free_gpus[at] = host.free_gpus().count() as u32;
        self.running_tasks[at] = i64::from(host.running_tasks);
    }

    /// Notes a port of a host as taken or free.
    pub(super) fn set_port(&mut self, slot: u32, protocol: Protocol, port: u16, taken: bool) {
        if taken {
            self.ports.entry((protocol, port)).or_default().set(slot, true);
        } else if let Some(hosts) = self.ports.get_mut(&(protocol, port)) {
            hosts.set(slot, false);
            if hosts.is_empty() {
                self.ports.remove(&(protocol, port));
            }
        }
    }

    /// The hosts on which a port is taken, if there are any.
    pub(super) fn port(&self, protocol: Protocol, port: u16) -> Option<&Bits> {
        self.ports.get(&(protocol, port))
    }

    /// The values of an attribute, if any host has it.
    pub(super) fn attribute(&self, name: &str) -> Option<&Column> {
        self.attributes.get(name)
    }
}

fn version(host: Option<&Host>) -> Option<&str> {
    host?.agent_version.as_deref()
}

fn ec2_instance_id(host: Option<&Host>) -> Option<&str> {
    host?.ec2_instance_id.as_deref()
}

fn set_attribute(
    attributes: &mut HashMap<Arc<str>, Column>,
    name: &str,
    slot: u32,
    value: Option<Option<&str>>,
) {
    if let Some(column) = attributes.get_mut(name) {
        column.set(slot, value);
        if column.is_unused() {
            attributes.remove(name);
        }
    } else if value.is_some() {
        attributes.entry(name.into()).or_default().set(slot, value);
    }
}

/// Calls back for each key whose value differs, with the new value.
fn differences<K: Ord, V: PartialEq>(
    old: Option<&BTreeMap<K, V>>,
    new: Option<&BTreeMap<K, V>>,
    mut changed: impl FnMut(&K, Option<&V>),
) {
    let none = BTreeMap::new();
    let mut old = old.unwrap_or(&none).iter().peekable();
    let mut new = new.unwrap_or(&none).iter().peekable();
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some((old_key, _)), Some((new_key, _))) => old_key.cmp(new_key),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let old_entry = if order.is_le() { old.next() } else { None };
        let new_entry = if order.is_ge() { new.next() } else { None };
        if let Some((key, _)) = old_entry.or(new_entry)
            && old_entry.map(|(_, value)| value) != new_entry.map(|(_, value)| value)
        {
            changed(key, new_entry.map(|(_, value)| value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_what_was_added_changed_or_removed() {
        let old: BTreeMap<_, _> = [(1, 'a'), (2, 'b'), (4, 'd')].into();
        let new: BTreeMap<_, _> = [(0, 'z'), (1, 'a'), (2, 'x'), (5, 'e')].into();
        let mut seen = Vec::new();
        differences(Some(&old), Some(&new), |key, value| {
            seen.push((*key, value.copied()))
        });
        assert_eq!(seen, [(0, Some('z')), (2, Some('x')), (4, None), (5, Some('e'))]);
    }
}
