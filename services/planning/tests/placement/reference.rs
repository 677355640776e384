//! The plainest placer: looks at every host for every task, straight from the rules.

use std::collections::BTreeMap;

use domain::{ContainerInstanceId, InstanceStatus};
use planning::placement::{BinpackField, Constraint, Host, Reason, Request, SpreadField, Strategy};

/// A task as it lies on a host.
#[derive(Debug, Clone)]
pub struct Task {
    pub host: ContainerInstanceId,
    pub request: Request,
    pub gpus: Vec<String>,
}

/// Everything that a host lacks, in the order of checks (P-01).
pub fn unmet(host: &Host, request: &Request) -> Vec<Reason> {
    let needs = &request.resources;
    let free_gpus = host
        .gpus
        .iter()
        .filter(|id| !host.used_gpus.contains(*id))
        .count();
    let has = |(name, value): &(String, Option<String>)| match (host.attributes.get(name), value) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(own), Some(wanted)) => own.as_ref() == Some(wanted),
    };
    let member = |constraint: &Constraint| match constraint {
        Constraint::MemberOf(expression) => expression.matches(host),
        Constraint::DistinctInstance => true,
    };
    let is_distinct = request.constraints.contains(&Constraint::DistinctInstance);
    let ports_taken = needs.ports.iter().any(|port| host.used_ports.contains(port))
        || needs
            .ports_udp
            .iter()
            .any(|port| host.used_ports_udp.contains(port));
    let failed = [
        (Reason::Agent, !host.agent_connected),
        (Reason::Cpu, needs.cpu > 0 && host.cpu - host.used_cpu < needs.cpu),
        (
            Reason::Memory,
            needs.memory > 0 && host.memory - host.used_memory < needs.memory,
        ),
        (Reason::Gpu, free_gpus < needs.gpus as usize),
        (Reason::Ports, ports_taken),
        (Reason::Attribute, !request.required_attributes.iter().all(has)),
        (Reason::MemberOf, !request.constraints.iter().all(member)),
        (
            Reason::DistinctInstance,
            is_distinct && host.task_groups.contains_key(&request.group),
        ),
    ];
    failed
        .into_iter()
        .filter(|(_, failed)| *failed)
        .map(|(reason, _)| reason)
        .collect()
}

/// How good a host is, by strategy; less is better (P-03, P-04).
pub fn score(hosts: &BTreeMap<ContainerInstanceId, Host>, request: &Request, host: &Host) -> Vec<i64> {
    let zone = || Strategy::Spread(SpreadField::Attribute("ecs.availability-zone".to_owned()));
    let strategies = match (request.strategies.as_slice(), request.default_spread) {
        ([], true) => vec![zone(), Strategy::Spread(SpreadField::Instance)],
        ([], false) => vec![zone(), Strategy::Random],
        (given, _) => given.to_vec(),
    };
    let tasks = |host: &Host| {
        host.task_groups
            .get(&request.group)
            .map_or(0, |count| i64::from(*count))
    };
    strategies
        .iter()
        .take_while(|strategy| **strategy != Strategy::Random)
        .map(|strategy| match strategy {
            Strategy::Random => 0,
            Strategy::Binpack(BinpackField::Cpu) => (host.cpu - host.used_cpu).max(0),
            Strategy::Binpack(BinpackField::Memory) => (host.memory - host.used_memory).max(0),
            Strategy::Spread(SpreadField::Instance) => tasks(host),
            Strategy::Spread(SpreadField::Attribute(name)) => hosts
                .values()
                .filter(|other| other.status == InstanceStatus::Active)
                .filter(|other| other.attributes.get(name) == host.attributes.get(name))
                .map(tasks)
                .sum(),
        })
        .collect()
}

/// The score of the best host that fits, if one does.
pub fn best_score(hosts: &BTreeMap<ContainerInstanceId, Host>, request: &Request) -> Option<Vec<i64>> {
    hosts
        .values()
        .filter(|host| host.status == InstanceStatus::Active && unmet(host, request).is_empty())
        .map(|host| score(hosts, request, host))
        .min()
}

/// The state of a host from the tasks on it alone.
pub fn recount(bare: &Host, tasks: &[Task]) -> Host {
    let mut host = bare.clone();
    for task in tasks.iter().filter(|task| task.host == bare.id) {
        let needs = &task.request.resources;
        host.used_cpu += needs.cpu;
        host.used_memory += needs.memory;
        for port in &needs.ports {
            assert!(host.used_ports.insert(*port), "two tasks hold tcp port {port}");
        }
        for port in &needs.ports_udp {
            assert!(
                host.used_ports_udp.insert(*port),
                "two tasks hold udp port {port}"
            );
        }
        for gpu in &task.gpus {
            assert!(host.gpus.contains(gpu), "GPU {gpu} is of another host");
            assert!(host.used_gpus.insert(gpu.clone()), "two tasks hold GPU {gpu}");
        }
        host.running_tasks += 1;
        *host.task_groups.entry(task.request.group.clone()).or_default() += 1;
    }
    host
}
