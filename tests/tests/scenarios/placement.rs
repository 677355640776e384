//! Where tasks go on real agents' hosts (R-02, P-01 to P-04), and that hosts are never over-committed.

use std::collections::BTreeMap;

use berth_tests::{CLUSTER, World, text};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use test_support::{ControlPlane, Settings, books};

fn by<'a>(tasks: &'a [Value], name: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for task in tasks {
        *counts.entry(task[name].as_str().unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_a_service_is_spread_over_zones_and_hosts() {
    let world = World::start(Settings::default(), 4, |plan| {
        plan.zones(&["us-east-1a", "us-east-1b"])
    })
    .await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 8, json!({})).await;
    world.steady("web").await;
    let tasks = world.tasks_of("web").await;
    assert_eq!(
        by(&tasks, "availabilityZone").into_values().collect::<Vec<_>>(),
        [4, 4]
    );
    assert_eq!(
        by(&tasks, "containerInstanceArn")
            .into_values()
            .collect::<Vec<_>>(),
        [2, 2, 2, 2]
    );
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_each_host_that_refuses_a_task_says_why() {
    let world = World::with_hosts(2).await;
    let host_port = json!({"family": "port", "containerDefinitions": [
        {"name": "app", "image": "fake/app:1", "memory": 32, "portMappings": [{"containerPort": 80, "hostPort": 8080}]}]});
    let port = text(
        &world.client.ok("RegisterTaskDefinition", host_port).await["taskDefinition"],
        "taskDefinitionArn",
    );
    let run = |count: usize| {
        world.client.ok(
            "RunTask",
            json!({"cluster": CLUSTER, "taskDefinition": port, "count": count}),
        )
    };
    let reply = run(3).await;
    assert_eq!(reply["tasks"].as_array().unwrap().len(), 2);
    let reasons: Vec<&str> = reply["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["RESOURCE:PORTS", "RESOURCE:PORTS"]);
    // Given back as soon as the task is STOPPED (I-03).
    let first = text(&reply["tasks"][0], "taskArn");
    world.task_is(&first, "RUNNING").await;
    world
        .client
        .ok("StopTask", json!({"cluster": CLUSTER, "task": first}))
        .await;
    world.task_is(&first, "STOPPED").await;
    assert_eq!(run(1).await["tasks"].as_array().unwrap().len(), 1);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_never_over_committed_by_two_servers_that_run_and_stop_at_random() {
    let seed: u64 = rand::rng().random_range(0..1_000_000);
    println!("seed {seed}");
    let world = World::start(Settings::default(), 3, |plan| plan.sized(1, 512)).await;
    let second = ControlPlane::start(world.db.options(), Settings::default()).await;
    let mut definitions = Vec::new();
    for (family, cpu, memory) in [("small", 64, 32), ("wide", 400, 40), ("tall", 50, 200)] {
        let input = json!({"family": family, "containerDefinitions": [{"name": "app", "image": "fake/app:1", "cpu": cpu, "memory": memory}]});
        definitions.push(text(
            &world.client.ok("RegisterTaskDefinition", input).await["taskDefinition"],
            "taskDefinitionArn",
        ));
    }
    let mut workers = Vec::new();
    for worker in 0..4 {
        let client = if worker % 2 == 0 {
            world.client.clone()
        } else {
            second.client()
        };
        let (definitions, mut rng) = (definitions.clone(), StdRng::seed_from_u64(seed + worker));
        workers.push(tokio::spawn(async move {
            let mut mine: Vec<String> = Vec::new();
            for _ in 0..25 {
                if mine.len() > 3 || (!mine.is_empty() && rng.random_bool(0.4)) {
                    let task = mine.swap_remove(rng.random_range(0..mine.len()));
                    client.ok("StopTask", json!({"cluster": CLUSTER, "task": task})).await;
                } else {
                    let definition = &definitions[rng.random_range(0..definitions.len())];
                    let input = json!({"cluster": CLUSTER, "taskDefinition": definition, "count": rng.random_range(1..4)});
                    let reply = client.ok("RunTask", input).await;
                    mine.extend(reply["tasks"].as_array().unwrap().iter().map(|task| text(task, "taskArn")));
                }
            }
        }));
    }
    while workers.iter().any(|worker| !worker.is_finished()) {
        books::balance(&world.pool()).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    world.all_is_well().await;
    assert_eq!(second.stop().await, Vec::<String>::new());
}
