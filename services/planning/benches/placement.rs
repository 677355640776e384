//! How fast tasks are placed, by hosts, by tasks already there and by strategy: `cargo bench -p planning`.
//!
//! Prints microseconds a placement and placements a second of one thread, for requests of one task, of ten (the
//! greatest count of a RunTask) and of 500 (the start of a service). Without `--bench` it only runs everything once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use domain::{ContainerInstanceId, InstanceStatus, Resources};
use planning::placement::{BinpackField, Cluster, Constraint, Host, Request, SpreadField, Strategy};
use planning::query::Expression;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Services among which the tasks already there are divided.
const SERVICES: usize = 1000;

fn host(number: usize, tasks: usize, rng: &mut StdRng) -> Host {
    let mut attributes: BTreeMap<String, Option<String>> = (0..30)
        .map(|n| (format!("com.amazonaws.ecs.capability.feature-{n}"), None))
        .collect();
    let zone = ["a", "b", "c"][number % 3];
    attributes.insert(
        "ecs.availability-zone".to_owned(),
        Some(format!("us-east-1{zone}")),
    );
    attributes.insert(
        "ecs.instance-type".to_owned(),
        Some(format!("m{}.large", number % 10)),
    );
    attributes.insert("ecs.os-type".to_owned(), Some("linux".to_owned()));
    attributes.insert("rack".to_owned(), Some(format!("rack-{}", number / 2)));
    let mut task_groups = BTreeMap::new();
    for task in 0..tasks {
        *task_groups
            .entry(format!("service:web-{}", (number * 7 + task) % SERVICES))
            .or_insert(0) += 1;
    }
    let spare = 1 << 16;
    Host {
        id: ContainerInstanceId::random(rng),
        status: InstanceStatus::Active,
        agent_connected: true,
        agent_version: Some("1.82.0".to_owned()),
        ec2_instance_id: Some(format!("i-{number:017x}")),
        registered_at: DateTime::UNIX_EPOCH,
        attributes: Arc::new(attributes),
        cpu: 10 * tasks as i64 + spare,
        memory: 64 * tasks as i64 + spare + (number as i64 * 7919) % 4096,
        used_cpu: 10 * tasks as i64,
        used_memory: 64 * tasks as i64,
        used_ports: [22, 2375, 2376, 51678, 51679]
            .into_iter()
            .chain(32768..32768 + tasks.min(200) as u16)
            .collect(),
        used_ports_udp: BTreeSet::new(),
        gpus: Arc::new([]),
        used_gpus: BTreeSet::new(),
        running_tasks: tasks as u32,
        task_groups,
        revision: 1,
    }
}

fn request(strategies: Vec<Strategy>, constraints: Vec<Constraint>, ports: Vec<u16>) -> Request {
    Request {
        group: "service:web-7".to_owned(),
        resources: Resources {
            cpu: 10,
            memory: 64,
            ports,
            ..Resources::default()
        },
        required_attributes: (0..12)
            .map(|n| (format!("com.amazonaws.ecs.capability.feature-{n}"), None))
            .collect(),
        constraints,
        strategies,
        default_spread: true,
    }
}

fn requests() -> Vec<(&'static str, Request)> {
    let attribute = |name: &str| Strategy::Spread(SpreadField::Attribute(name.to_owned()));
    let instance = Strategy::Spread(SpreadField::Instance);
    let member_of = |text| Constraint::MemberOf(Expression::parse(text).expect("a valid expression"));
    let expression = "attribute:ecs.instance-type =~ m[0-8].* and not(task:group == service:web-9)";
    let standalone = Request {
        default_spread: false,
        ..request(vec![], vec![], vec![])
    };
    vec![
        ("default of services", request(vec![], vec![], vec![])),
        ("default of tasks", standalone),
        ("random", request(vec![Strategy::Random], vec![], vec![])),
        ("spread instance", request(vec![instance.clone()], vec![], vec![])),
        ("spread rack", request(vec![attribute("rack")], vec![], vec![])),
        (
            "spread zone, type, host",
            request(
                vec![
                    attribute("ecs.availability-zone"),
                    attribute("ecs.instance-type"),
                    instance,
                ],
                vec![],
                vec![],
            ),
        ),
        (
            "binpack memory",
            request(vec![Strategy::Binpack(BinpackField::Memory)], vec![], vec![]),
        ),
        ("fixed port", request(vec![], vec![], vec![8080])),
        (
            "memberOf, distinct",
            request(
                vec![],
                vec![member_of(expression), Constraint::DistinctInstance],
                vec![],
            ),
        ),
    ]
}

/// Mean time of one placement by requests of `count` tasks, each taken back untimed.
fn measure(
    cluster: &mut Cluster,
    request: &Request,
    count: usize,
    budget: Duration,
    rng: &mut StdRng,
) -> Duration {
    let started = Instant::now();
    let (mut spent, mut placements) = (Duration::ZERO, 0_u32);
    while placements == 0 || started.elapsed() < budget {
        let before = Instant::now();
        let outcome = cluster.place(request, count, rng);
        spent += before.elapsed();
        placements += outcome.placed.len().max(1) as u32;
        for placed in &outcome.placed {
            cluster.undo(request, placed);
        }
    }
    spent / placements
}

/// Mean time of putting a changed host in place of the cached one.
fn measure_insert(cluster: &mut Cluster, budget: Duration) -> Duration {
    let mut hosts: Vec<Host> = cluster.hosts().take(100).cloned().collect();
    let (mut spent, mut inserts) = (Duration::ZERO, 0_u32);
    let started = Instant::now();
    while inserts == 0 || started.elapsed() < budget {
        for host in &mut hosts {
            host.used_cpu ^= 1;
            *host.task_groups.entry("service:web-7".to_owned()).or_insert(0) += 1;
        }
        let changed = hosts.clone();
        let before = Instant::now();
        for host in changed {
            cluster.insert(host);
            inserts += 1;
        }
        spent += before.elapsed();
    }
    spent / inserts
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let budget = if is_bench {
        Duration::from_millis(100)
    } else {
        Duration::ZERO
    };
    let sizes: &[usize] = if is_bench { &[100, 1_000, 5_000] } else { &[20] };
    let loads: &[usize] = if is_bench {
        &[0, 100_000, 1_000_000]
    } else {
        &[100]
    };
    let mut rng = StdRng::seed_from_u64(1);
    for &size in sizes {
        for &tasks in loads {
            let mut cluster = Cluster::new((0..size).map(|n| host(n, tasks / size, &mut rng)));
            println!("\n{size} hosts, {tasks} tasks       µs a placement (placements a second)");
            println!("{:<26}{:>18}{:>18}{:>18}", "", "1 task", "10 tasks", "500 tasks");
            for (name, request) in requests() {
                print!("{name:<26}");
                for count in [1, 10, 500] {
                    let mean = measure(&mut cluster, &request, count, budget, &mut rng).as_secs_f64();
                    print!("{:>18}", format!("{:.2} ({:.0})", mean * 1e6, 1.0 / mean));
                }
                println!();
            }
            let mean = measure_insert(&mut cluster, budget).as_secs_f64();
            println!(
                "{:<26}{:>18}",
                "replace a host",
                format!("{:.2} ({:.0})", mean * 1e6, 1.0 / mean)
            );
        }
    }
}
