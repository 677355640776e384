//! What holds for all clusters and requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{ContainerInstanceId, InstanceStatus, Resources};
use planning::placement::{BinpackField, Cluster, Constraint, Host, Outcome, Request, Strategy as Choice};
use planning::query::Expression;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::reference::{Task, best_score, recount, score, unmet};
use super::scene::*;

const ATOMS: [&str; 10] = [
    "attribute:ecs.availability-zone == a",
    "attribute:rack in [r1, r2]",
    "attribute:rack",
    "attribute:rack =~ r[23]",
    "task:group == service:s0",
    "task:group =~ service:.*",
    "runningTasksCount < 2",
    "agentConnected == true",
    "agentVersion >= 1.80",
    "ec2InstanceId != i-3",
];

/// One thing that happens to a cluster.
#[derive(Debug, Clone)]
enum Step {
    Place(Request, usize, u64),
    PlaceOn(Request, Index),
    DryRun(Request, usize),
    Stop(Index),
    PlaceAndUndo(Request, usize, u64),
    Rewrite(Index, Host),
    Remove(Index),
    Add(Host),
}

fn any_host() -> impl Strategy<Value = Host> {
    let status = prop_oneof![
        8 => Just(InstanceStatus::Active),
        1 => Just(InstanceStatus::Draining),
        1 => Just(InstanceStatus::Inactive),
    ];
    let rack = select(&[None, Some("r1"), Some("r2"), Some("r3")][..]);
    let texts = (
        rack,
        any::<bool>(),
        select(&[None, Some("1.79.0"), Some("1.82.0")][..]),
    );
    (
        0..200_u128,
        status,
        proptest::bool::weighted(0.9),
        0..4_i64,
        0..4_i64,
        0..3_usize,
        texts,
    )
        .prop_map(
            |(number, status, agent_connected, cpu, memory, gpus, (rack, linux, version))| {
                let mut attributes = (*host(number).attributes).clone();
                if let Some(rack) = rack {
                    attributes.insert("rack".to_owned(), Some(rack.to_owned()));
                }
                if linux {
                    attributes.insert("linux".to_owned(), None);
                }
                Host {
                    status,
                    agent_connected,
                    agent_version: version.map(str::to_owned),
                    attributes: Arc::new(attributes),
                    cpu: 512 * cpu,
                    memory: 1024 * memory,
                    gpus: (0..gpus).map(|n| format!("gpu-{number}-{n}")).collect(),
                    ..host(number)
                }
            },
        )
}

fn any_expression() -> impl Strategy<Value = Expression> {
    let atom = select(&ATOMS[..]).prop_map(str::to_owned);
    let tree = atom.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    });
    tree.prop_map(|text| Expression::parse(&text).unwrap())
}

fn any_strategies() -> impl Strategy<Value = Vec<Choice>> {
    let all = vec![
        Choice::Random,
        by_instance(),
        by_zone(),
        by_attribute("rack"),
        by_attribute("nowhere"),
        packed_by_memory(),
        Choice::Binpack(BinpackField::Cpu),
    ];
    prop_oneof![1 => Just(Vec::new()), 4 => subsequence(all, 1..=4).prop_shuffle()]
}

fn any_request() -> impl Strategy<Value = Request> {
    let amounts = (
        0..400_i64,
        0..700_i64,
        prop_oneof![4 => Just(0_u32), 1 => 1..3_u32],
    );
    let tcp = prop_oneof![2 => Just(vec![]), 1 => subsequence(vec![80, 443], 1..=2)];
    let udp = prop_oneof![4 => Just(vec![]), 1 => Just(vec![80])];
    let attributes = prop_oneof![
        3 => Just(vec![]),
        1 => Just(vec![("linux".to_owned(), None)]),
        1 => Just(vec![("rack".to_owned(), Some("r1".to_owned()))]),
    ];
    let distinct = proptest::bool::weighted(0.2);
    let member_of = proptest::option::weighted(0.4, any_expression());
    (
        0..3,
        amounts,
        (tcp, udp),
        attributes,
        (distinct, member_of),
        any_strategies(),
        any::<bool>(),
    )
        .prop_map(
            |(
                group,
                (cpu, memory, gpus),
                (ports, ports_udp),
                attributes,
                (distinct, expression),
                strategies,
                spread,
            )| {
                let constraints = distinct
                    .then_some(Constraint::DistinctInstance)
                    .into_iter()
                    .chain(expression.map(Constraint::MemberOf));
                Request {
                    resources: Resources {
                        cpu,
                        memory,
                        ports,
                        ports_udp,
                        gpus,
                    },
                    required_attributes: attributes,
                    constraints: constraints.collect(),
                    strategies,
                    default_spread: spread,
                    ..request(&format!("s{group}"))
                }
            },
        )
}

fn any_step() -> impl Strategy<Value = Step> {
    let count = || prop_oneof![Just(1_usize), 2..12_usize];
    prop_oneof![
        8 => (any_request(), count(), any::<u64>()).prop_map(|(r, n, seed)| Step::Place(r, n, seed)),
        1 => (any_request(), any::<Index>()).prop_map(|(r, at)| Step::PlaceOn(r, at)),
        1 => (any_request(), count()).prop_map(|(r, n)| Step::DryRun(r, n)),
        4 => any::<Index>().prop_map(Step::Stop),
        1 => (any_request(), count(), any::<u64>()).prop_map(|(r, n, seed)| Step::PlaceAndUndo(r, n, seed)),
        2 => (any::<Index>(), any_host()).prop_map(|(at, host)| Step::Rewrite(at, host)),
        1 => any::<Index>().prop_map(Step::Remove),
        1 => any_host().prop_map(Step::Add),
    ]
}

/// The cluster under test, and beside it what is known of it without any index.
struct World {
    cluster: Cluster,
    /// As registered, without tasks.
    bare: BTreeMap<ContainerInstanceId, Host>,
    tasks: Vec<Task>,
}

impl World {
    fn new(hosts: Vec<Host>) -> Self {
        let bare: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.id, host)).collect();
        Self {
            cluster: Cluster::new(bare.values().cloned()),
            bare,
            tasks: Vec::new(),
        }
    }

    fn hosts(&self) -> BTreeMap<ContainerInstanceId, Host> {
        self.bare
            .values()
            .map(|bare| (bare.id, recount(bare, &self.tasks)))
            .collect()
    }

    fn chosen(&self, at: &Index) -> Option<ContainerInstanceId> {
        (!self.bare.is_empty()).then(|| *self.bare.keys().nth(at.index(self.bare.len())).unwrap())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Place(request, count, seed) => {
                let outcome = self.cluster.place(&request, count, &mut rng(seed));
                self.check_outcome(&request, count, &outcome);
            }
            Step::PlaceOn(request, at) => {
                let Some(id) = self.chosen(&at) else { return };
                let unbound = with_constraints(request.clone(), &[]);
                let lacking = unmet(&self.hosts()[&id], &unbound).first().copied();
                let is_active = self.bare[&id].status == InstanceStatus::Active;
                match self.cluster.place_on(&request, id) {
                    Ok(placed) => {
                        assert!(is_active && lacking.is_none());
                        self.tasks.push(Task {
                            host: id,
                            request,
                            gpus: placed.gpus,
                        });
                    }
                    Err(reason) if is_active => assert_eq!(Some(reason), lacking),
                    Err(_) => {}
                }
            }
            Step::DryRun(request, count) => {
                let dry = self.cluster.dry_run(&request, count, &mut rng(1));
                let real = self.cluster.clone().place(&request, count, &mut rng(1));
                assert_eq!(places(&dry), places(&real));
            }
            Step::Stop(at) => {
                if !self.tasks.is_empty() {
                    let Task { host, request, gpus } = self.tasks.swap_remove(at.index(self.tasks.len()));
                    assert!(
                        self.cluster
                            .release(host, &request.group, &request.resources, &gpus)
                    );
                }
            }
            Step::PlaceAndUndo(request, count, seed) => {
                let outcome = self.cluster.place(&request, count, &mut rng(seed));
                assert!(
                    outcome
                        .placed
                        .iter()
                        .all(|placed| self.cluster.undo(&request, placed))
                );
            }
            Step::Rewrite(at, host) => {
                let Some(id) = self.chosen(&at) else { return };
                let old = self.bare[&id].clone();
                let changed = Host {
                    id,
                    cpu: old.cpu,
                    memory: old.memory,
                    gpus: old.gpus,
                    ..host
                };
                self.cluster.insert(recount(&changed, &self.tasks));
                self.bare.insert(id, changed);
            }
            Step::Remove(at) => {
                let Some(id) = self.chosen(&at) else { return };
                assert!(self.cluster.remove(id).is_some());
                self.bare.remove(&id);
                self.tasks.retain(|task| task.host != id);
            }
            Step::Add(host) => {
                if !self.bare.contains_key(&host.id) {
                    self.cluster.insert(host.clone());
                    self.bare.insert(host.id, host);
                }
            }
        }
    }

    /// Replays an outcome task by task against the reference.
    fn check_outcome(&mut self, request: &Request, count: usize, outcome: &Outcome) {
        for placed in &outcome.placed {
            let hosts = self.hosts();
            let host = &hosts[&placed.host];
            assert_eq!(host.status, InstanceStatus::Active);
            assert_eq!(unmet(host, request), []);
            assert_eq!(Some(score(&hosts, request, host)), best_score(&hosts, request));
            assert_eq!(placed.gpus.len(), request.resources.gpus as usize);
            self.tasks.push(Task {
                host: placed.host,
                request: request.clone(),
                gpus: placed.gpus.clone(),
            });
        }
        let hosts = self.hosts();
        let mut refusals: Vec<_> = outcome
            .refusals
            .iter()
            .map(|r| (r.host, r.reason, r.unmet as usize))
            .collect();
        refusals.sort();
        let mut expected = Vec::new();
        if outcome.placed.len() < count {
            assert_eq!(best_score(&hosts, request), None);
            for host in hosts
                .values()
                .filter(|host| host.status == InstanceStatus::Active)
            {
                let lacking = unmet(host, request);
                expected.push((host.id, lacking[0], lacking.len()));
            }
        }
        assert_eq!(refusals, expected);
    }

    /// The cluster knows what the tasks alone say, and no host holds more than it has.
    fn check_state(&self) {
        let hosts = self.hosts();
        assert_eq!(self.cluster.len(), hosts.len());
        for host in hosts.values() {
            assert_eq!(self.cluster.get(host.id), Some(host));
            assert!(
                host.used_cpu <= host.cpu && host.used_memory <= host.memory,
                "{host:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p01_to_p05_every_choice_is_a_best_one_and_nothing_is_ever_over_committed(
        hosts in vec(any_host(), 0..20),
        steps in vec(any_step(), 1..30),
    ) {
        let mut world = World::new(hosts);
        for step in steps {
            world.step(step);
            world.check_state();
        }
    }

    #[test]
    fn p03_spread_stays_within_one_where_there_is_room(
        per_zone in vec(1..5_u128, 3),
        count in 1..40_usize,
        at_once in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let numbers = (0..3_u128).zip(per_zone).flat_map(|(zone, hosts)| (0..hosts).map(move |n| 3 * n + zone));
        let roomy = |number| Host { cpu: 1 << 20, memory: 1 << 20, ..host(number) };
        let mut cluster = Cluster::new(numbers.map(roomy));
        let mut rng = rng(seed);
        let batches = if at_once { vec![count] } else { vec![1; count] };
        let placed: Vec<u128> = batches.iter().flat_map(|n| places(&cluster.place(&request("web"), *n, &mut rng))).collect();
        prop_assert_eq!(placed.len(), count);
        let tasks = |host: &Host| host.task_groups.get("service:web").copied().unwrap_or(0);
        let within_one = |counts: &[u32]| counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1;
        let mut zones = Vec::new();
        for zone in ["a", "b", "c"] {
            let counts: Vec<u32> = cluster
                .hosts()
                .filter(|host| host.attributes["ecs.availability-zone"].as_deref() == Some(zone))
                .map(tasks)
                .collect();
            prop_assert!(within_one(&counts), "{:?}", counts);
            zones.push(counts.iter().sum());
        }
        prop_assert!(within_one(&zones), "{:?}", zones);
    }

    #[test]
    fn p02_distinct_instance_never_doubles_up(count in 1..60_usize, size in 1..40_u128, seed in any::<u64>()) {
        let request = with_constraints(needing(1, 1), &[Constraint::DistinctInstance]);
        let placed = places(&Cluster::new(hosts(size)).place(&request, count, &mut rng(seed)));
        prop_assert_eq!(placed.len(), count.min(size as usize));
        prop_assert!(tally(&placed).values().all(|tasks| *tasks == 1));
    }

    #[test]
    fn p20_an_expression_selects_the_hosts_that_it_matches_one_by_one(
        hosts in vec(any_host(), 0..90),
        expression in any_expression(),
        warm_up in any_request(),
    ) {
        let mut world = World::new(hosts);
        world.step(Step::Place(warm_up, 9, 1));
        let found = world.cluster.matching(&with_constraints(needing(0, 0), &[Constraint::MemberOf(expression.clone())]));
        let mut expected: Vec<_> = world
            .hosts()
            .into_values()
            .filter(|host| host.status == InstanceStatus::Active && expression.matches(host))
            .map(|host| host.id)
            .collect();
        expected.sort();
        let mut found = found;
        found.sort();
        prop_assert_eq!(found, expected);
    }
}
