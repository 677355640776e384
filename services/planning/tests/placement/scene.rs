//! Hosts and requests as the tests describe them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::DateTime;
use domain::{ContainerInstanceId, InstanceStatus, Resources};
use planning::placement::{BinpackField, Cluster, Constraint, Host, Outcome, Request, SpreadField, Strategy};
use planning::query::Expression;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

pub fn id(number: u128) -> ContainerInstanceId {
    ContainerInstanceId(Uuid::from_u128(number))
}

/// An ACTIVE, connected host with room for 2048 CPU units and 4096 MiB in zone a, b or c by number.
pub fn host(number: u128) -> Host {
    let zone = ["a", "b", "c"][number as usize % 3];
    let attributes = BTreeMap::from([("ecs.availability-zone".to_owned(), Some(zone.to_owned()))]);
    Host {
        id: id(number),
        status: InstanceStatus::Active,
        agent_connected: true,
        agent_version: Some("1.82.0".to_owned()),
        ec2_instance_id: Some(format!("i-{number}")),
        registered_at: DateTime::UNIX_EPOCH,
        attributes: Arc::new(attributes),
        cpu: 2048,
        memory: 4096,
        used_cpu: 0,
        used_memory: 0,
        used_ports: BTreeSet::from([22, 2375, 2376, 51678, 51679]),
        used_ports_udp: BTreeSet::new(),
        gpus: Arc::new([]),
        used_gpus: BTreeSet::new(),
        running_tasks: 0,
        task_groups: BTreeMap::new(),
        revision: 1,
    }
}

pub fn with_attributes(mut host: Host, attributes: &[(&str, Option<&str>)]) -> Host {
    let attributes = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
    host.attributes = Arc::new(attributes.collect());
    host
}

pub fn hosts(count: u128) -> Vec<Host> {
    (0..count).map(host).collect()
}

/// A task of a service that needs 256 CPU units and 512 MiB.
pub fn request(service: &str) -> Request {
    Request {
        group: format!("service:{service}"),
        resources: Resources {
            cpu: 256,
            memory: 512,
            ..Resources::default()
        },
        required_attributes: Vec::new(),
        constraints: Vec::new(),
        strategies: Vec::new(),
        default_spread: true,
    }
}

pub fn needing(cpu: i64, memory: i64) -> Request {
    Request {
        resources: Resources {
            cpu,
            memory,
            ..Resources::default()
        },
        ..request("web")
    }
}

pub fn with_strategies(request: Request, strategies: &[Strategy]) -> Request {
    Request {
        strategies: strategies.to_vec(),
        ..request
    }
}

pub fn with_constraints(request: Request, constraints: &[Constraint]) -> Request {
    Request {
        constraints: constraints.to_vec(),
        ..request
    }
}

pub fn member_of(expression: &str) -> Constraint {
    Constraint::MemberOf(Expression::parse(expression).unwrap())
}

pub fn by_instance() -> Strategy {
    Strategy::Spread(SpreadField::Instance)
}

pub fn by_attribute(name: &str) -> Strategy {
    Strategy::Spread(SpreadField::Attribute(name.to_owned()))
}

pub fn by_zone() -> Strategy {
    by_attribute("ecs.availability-zone")
}

pub fn packed_by_memory() -> Strategy {
    Strategy::Binpack(BinpackField::Memory)
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// The numbers of the hosts that tasks were placed on, in order.
pub fn places(outcome: &Outcome) -> Vec<u128> {
    outcome
        .placed
        .iter()
        .map(|placed| placed.host.uuid().as_u128())
        .collect()
}

/// Places and gives the numbers of the hosts.
pub fn place(cluster: &mut Cluster, request: &Request, count: usize) -> Vec<u128> {
    places(&cluster.place(request, count, &mut rng(1)))
}

/// How many tasks went to each host.
pub fn tally(places: &[u128]) -> BTreeMap<u128, usize> {
    places.iter().fold(BTreeMap::new(), |mut tally, place| {
        *tally.entry(*place).or_default() += 1;
        tally
    })
}
