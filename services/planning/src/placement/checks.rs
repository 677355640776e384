//! What a host has to pass to take a task, in one fixed order (P-01).

use domain::Protocol;

use super::bits::Bits;
use super::index::Index;
use super::outcome::Reason;
use super::request::Request;

/// Keeps of a set the hosts that pass.
type Check = fn(&Index, &Request, &mut Bits);

/// Checks of room and of what the host is: they bind wherever a task goes.
const FITNESS: [(Reason, Check); 6] = [
    (Reason::Agent, |index, _, hosts| hosts.intersect(&index.connected)),
    (Reason::Cpu, |index, request, hosts| {
        at_least(&index.free_cpu, request.resources.cpu, hosts)
    }),
    (Reason::Memory, |index, request, hosts| {
        at_least(&index.free_memory, request.resources.memory, hosts)
    }),
    (Reason::Gpu, |index, request, hosts| {
        match request.resources.gpus {
            0 => {}
            needed => hosts.retain(&index.free_gpus, |free| *free >= needed),
        }
    }),
    (Reason::Ports, free_ports),
    (Reason::Attribute, required_attributes),
];

/// Checks of the request's constraints: they bind where the host is chosen here.
const CONSTRAINTS: [(Reason, Check); 2] = [
    (Reason::MemberOf, |index, request, hosts| {
        request
            .expressions()
            .for_each(|expression| index.retain_matching(expression, hosts));
    }),
    (Reason::DistinctInstance, |index, request, hosts| {
        if request.is_distinct() {
            for (slot, _) in index.groups.of(&request.group) {
                hosts.set(*slot, false);
            }
        }
    }),
];

fn all_checks() -> impl Iterator<Item = &'static (Reason, Check)> {
    FITNESS.iter().chain(&CONSTRAINTS)
}

impl Index {
    /// The ACTIVE hosts that can take a task of the request.
    pub(super) fn candidates(&self, request: &Request) -> Bits {
        let mut hosts = self.active.clone();
        all_checks().for_each(|(_, check)| check(self, request, &mut hosts));
        hosts
    }

    /// The ACTIVE hosts that have the attributes and satisfy memberOf, whether they have room or not.
    pub(super) fn matching(&self, request: &Request) -> Bits {
        let mut hosts = self.active.clone();
        required_attributes(self, request, &mut hosts);
        request
            .expressions()
            .for_each(|expression| self.retain_matching(expression, &mut hosts));
        hosts
    }

    /// The first check that an ACTIVE host chosen by name does not pass; constraints do not bind.
    pub(super) fn unfit(&self, request: &Request, slot: u32) -> Option<Reason> {
        let mut hosts = Bits::of(slot);
        let failed = FITNESS.iter().find(|(_, check)| {
            check(self, request, &mut hosts);
            hosts.is_empty()
        });
        failed.map(|(reason, _)| *reason)
    }

    /// For each ACTIVE host, by slot: the first check that it does not pass, and how many those are.
    pub(super) fn shortcomings(&self, request: &Request) -> Vec<(u32, Reason, u8)> {
        let failing: Vec<(Reason, Bits)> = all_checks()
            .map(|(reason, check)| {
                let mut passing = self.active.clone();
                check(self, request, &mut passing);
                let mut failing = self.active.clone();
                failing.subtract(&passing);
                (*reason, failing)
            })
            .collect();
        let shortcoming = |slot| {
            let mut failed = failing
                .iter()
                .filter(|(_, hosts)| hosts.contains(slot))
                .map(|(reason, _)| *reason);
            failed.next().map(|first| (slot, first, 1 + failed.count() as u8))
        };
        self.active.iter().filter_map(shortcoming).collect()
    }
}

fn at_least(free: &[i64], needed: i64, hosts: &mut Bits) {
    if needed > 0 {
        hosts.retain(free, |free| *free >= needed);
    }
}

/// A task that asks for one port twice fits nowhere.
fn free_ports(index: &Index, request: &Request, hosts: &mut Bits) {
    let wanted = [
        (Protocol::Tcp, &request.resources.ports),
        (Protocol::Udp, &request.resources.ports_udp),
    ];
    for (protocol, ports) in wanted {
        for (i, port) in ports.iter().enumerate() {
            if ports[..i].contains(port) {
                hosts.clear();
            }
            if let Some(taken) = index.port(protocol, *port) {
                hosts.subtract(taken);
            }
        }
    }
}

fn required_attributes(index: &Index, request: &Request, hosts: &mut Bits) {
    for (name, value) in &request.required_attributes {
        match (index.attribute(name), value) {
            (None, _) => hosts.clear(),
            (Some(column), None) => hosts.intersect(column.present()),
            (Some(column), Some(value)) => column.retain_equal(value, hosts),
        }
    }
}
