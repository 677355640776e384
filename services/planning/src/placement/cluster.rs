//! The hosts of a cluster and what is placed on them.

use std::collections::HashMap;

use domain::{ContainerInstanceId, InstanceStatus, Protocol, Resources};
use rand::Rng;

use super::host::Host;
use super::index::Index;
use super::outcome::{Outcome, Placed, Reason, Refusal};
use super::picker::Picker;
use super::request::Request;

/// The hosts of one cluster, ready for placing tasks on them.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    slots: Vec<Option<Slot>>,
    vacant: Vec<u32>,
    by_id: HashMap<ContainerInstanceId, u32>,
    index: Index,
    writings: u64,
}

#[derive(Debug, Clone)]
struct Slot {
    host: Host,
    /// Which call of `insert` wrote it.
    writing: u64,
}

impl Cluster {
    /// A cluster of these hosts. Placement depends on their order only where chance decides.
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        let mut cluster = Self::default();
        for host in hosts {
            cluster.insert(host);
        }
        cluster
    }

    /// Number of hosts in whatever state.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn get(&self, id: ContainerInstanceId) -> Option<&Host> {
        self.slot(id).map(|(_, slot)| &slot.host)
    }

    /// All hosts, in no particular order.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.slots.iter().flatten().map(|slot| &slot.host)
    }

    /// Adds a host, or puts it in place of the one with the same id, which is returned. What was placed on that one
    /// and is not in the new state is forgotten.
    pub fn insert(&mut self, host: Host) -> Option<Host> {
        self.writings += 1;
        let writing = self.writings;
        if let Some(slot) = self.by_id.get(&host.id).copied() {
            let old = self.slots[slot as usize]
                .replace(Slot { host, writing })
                .map(|slot| slot.host);
            let new = self.slots[slot as usize].as_ref().map(|slot| &slot.host);
            self.index.change(slot, old.as_ref(), new);
            return old;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.index.change(slot, None, Some(&host));
        self.by_id.insert(host.id, slot);
        self.slots[slot as usize] = Some(Slot { host, writing });
        None
    }

    /// Takes a host out.
    pub fn remove(&mut self, id: ContainerInstanceId) -> Option<Host> {
        let slot = self.by_id.remove(&id)?;
        let host = self.slots[slot as usize].take()?.host;
        self.index.change(slot, Some(&host), None);
        self.vacant.push(slot);
        Some(host)
    }

    /// Notes the revision that a host's row has after a commit. False when there is no such host.
    pub fn set_revision(&mut self, id: ContainerInstanceId, revision: i64) -> bool {
        let host = self
            .by_id
            .get(&id)
            .and_then(|slot| self.slots[*slot as usize].as_mut());
        host.map(|slot| slot.host.revision = revision).is_some()
    }

    /// Places `count` tasks, each against the state after the one before it (P-01 to P-05). Takes the same choices
    /// given the same history and the same random numbers (P-06).
    pub fn place(&mut self, request: &Request, count: usize, rng: &mut impl Rng) -> Outcome {
        let mut placed = Vec::new();
        if count > 0 {
            let fitting = self.index.candidates(request);
            let mut picker = Picker::new(&self.index, request, fitting, count, rng);
            while placed.len() < count
                && let Some(slot) = picker.pick(&self.index, rng)
            {
                placed.extend(self.take(slot, request));
                let fits = self.slots[slot as usize]
                    .as_ref()
                    .is_some_and(|s| s.host.fits_another(request));
                picker.placed(&self.index, slot, fits);
            }
        }
        let refusals = if placed.len() < count {
            self.refusals(request)
        } else {
            Vec::new()
        };
        Outcome { placed, refusals }
    }

    /// What [`Cluster::place`] would do; the cluster is afterwards as before.
    pub fn dry_run(&mut self, request: &Request, count: usize, rng: &mut impl Rng) -> Outcome {
        let outcome = self.place(request, count, rng);
        for placed in outcome.placed.iter().rev() {
            self.undo(request, placed);
        }
        outcome
    }

    /// Places one task on a host chosen by name, where neither strategies nor constraints count (StartTask R-12, and
    /// DAEMON services, whose hosts come from [`Cluster::matching`]).
    ///
    /// # Errors
    /// Says why the host cannot take the task.
    pub fn place_on(&mut self, request: &Request, id: ContainerInstanceId) -> Result<Placed, Reason> {
        let (slot, found) = self.slot(id).ok_or(Reason::Missing)?;
        if found.host.status != InstanceStatus::Active {
            return Err(Reason::Inactive);
        }
        match self.index.unfit(request, slot) {
            Some(reason) => Err(reason),
            None => self.take(slot, request).ok_or(Reason::Missing),
        }
    }

    /// The ACTIVE hosts that have the request's attributes and satisfy its memberOf constraints, with or without room
    /// or connection: those on which a DAEMON service wants its tasks.
    pub fn matching(&self, request: &Request) -> Vec<ContainerInstanceId> {
        let slots = self.index.matching(request);
        slots
            .iter()
            .filter_map(|slot| self.slots[slot as usize].as_ref())
            .map(|slot| slot.host.id)
            .collect()
    }

    /// Takes back a placement that could not be committed. Does nothing, and returns false, when the host was written
    /// anew or removed since: its state then never had the task.
    pub fn undo(&mut self, request: &Request, placed: &Placed) -> bool {
        let is_same = self
            .slot(placed.host)
            .is_some_and(|(_, slot)| slot.writing == placed.writing);
        is_same && self.release(placed.host, &request.group, &request.resources, &placed.gpus)
    }

    /// Counts a task as gone from its host, as when it is STOPPED (I-03). False when there is no such host.
    pub fn release(
        &mut self,
        id: ContainerInstanceId,
        group: &str,
        resources: &Resources,
        gpus: &[String],
    ) -> bool {
        let Some(slot) = self.by_id.get(&id).copied() else {
            return false;
        };
        let Some(found) = &mut self.slots[slot as usize] else {
            return false;
        };
        found.host.release(group, resources, gpus);
        follow(&mut self.index, slot, &found.host, group, resources, false);
        true
    }

    fn take(&mut self, slot: u32, request: &Request) -> Option<Placed> {
        let Slot { host, writing } = self.slots[slot as usize].as_mut()?;
        let gpus = host.take(&request.group, &request.resources);
        follow(
            &mut self.index,
            slot,
            host,
            &request.group,
            &request.resources,
            true,
        );
        Some(Placed {
            host: host.id,
            revision: host.revision,
            gpus,
            writing: *writing,
        })
    }

    fn refusals(&self, request: &Request) -> Vec<Refusal> {
        let of = |(slot, reason, unmet): (u32, Reason, u8)| {
            let host = self.slots[slot as usize].as_ref()?.host.id;
            Some(Refusal { host, reason, unmet })
        };
        self.index
            .shortcomings(request)
            .into_iter()
            .filter_map(of)
            .collect()
    }

    fn slot(&self, id: ContainerInstanceId) -> Option<(u32, &Slot)> {
        let slot = *self.by_id.get(&id)?;
        self.slots[slot as usize].as_ref().map(|found| (slot, found))
    }
}

/// Brings the index in step with a host that took or lost a task.
fn follow(index: &mut Index, slot: u32, host: &Host, group: &str, needs: &Resources, taken: bool) {
    index.change_amounts(slot, host);
    index
        .groups
        .set(group, slot, host.task_groups.get(group).copied().unwrap_or(0));
    for (protocol, ports) in [(Protocol::Tcp, &needs.ports), (Protocol::Udp, &needs.ports_udp)] {
        ports
            .iter()
            .for_each(|port| index.set_port(slot, protocol, *port, taken));
    }
}
