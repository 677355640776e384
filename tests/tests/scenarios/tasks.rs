//! The life of tasks over time (T-01 to T-08), and idempotency.

use std::collections::BTreeSet;

use berth_tests::record::rank;
use berth_tests::{CLUSTER, PATIENCE, World, text};
use serde_json::{Value, json};
use test_support::{ControlPlane, Settings, eventually};

/// Polls a task until it is STOPPED and gives every lastStatus that was seen, in order.
async fn states_of(world: &World, arn: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    eventually("the task is STOPPED", PATIENCE, async || {
        let status = text(&world.task(arn).await, "lastStatus");
        if seen.last() != Some(&status) {
            seen.push(status.clone());
        }
        (status == "STOPPED").then_some(())
    })
    .await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_the_states_of_tasks_are_seen_in_their_order_only() {
    let world = World::with_hosts(1).await;
    for image in [
        "fake/run-then-exit:150ms-0",
        "fake/pull-fails:1",
        "fake/start-slow:100ms",
        "fake/oom:50ms",
    ] {
        let definition = world.define("job", image).await;
        let started = world
            .client
            .ok(
                "RunTask",
                json!({"cluster": CLUSTER, "taskDefinition": definition}),
            )
            .await;
        let (arn, first) = (
            text(&started["tasks"][0], "taskArn"),
            text(&started["tasks"][0], "lastStatus"),
        );
        assert!(rank(&first) <= rank("PENDING"), "{first}");
        if image.contains("start-slow") {
            world.task_is(&arn, "RUNNING").await;
            world
                .client
                .ok("StopTask", json!({"cluster": CLUSTER, "task": arn}))
                .await;
        }
        let seen = states_of(&world, &arn).await;
        assert!(seen.is_sorted_by_key(|status| rank(status)), "{image}: {seen:?}");
        let task = world.task(&arn).await;
        // T-03: times in their order, as far as there are any.
        let order = [
            "createdAt",
            "pullStartedAt",
            "pullStoppedAt",
            "startedAt",
            "executionStoppedAt",
            "stoppedAt",
        ];
        let times: Vec<f64> = order.iter().filter_map(|name| task[*name].as_f64()).collect();
        assert!(times.is_sorted(), "{image}: {task:#}");
        assert_eq!(
            task["startedAt"].is_null(),
            image.contains("pull-fails"),
            "{image}: {task:#}"
        );
        assert!(task["version"].as_i64().unwrap() > 1);
    }
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k08_a_container_out_of_memory_says_so() {
    let world = World::with_hosts(1).await;
    let definition = world.define("job", "fake/oom:50ms").await;
    let started = world
        .client
        .ok(
            "RunTask",
            json!({"cluster": CLUSTER, "taskDefinition": definition}),
        )
        .await;
    let task = world
        .task_is(&text(&started["tasks"][0], "taskArn"), "STOPPED")
        .await;
    let container = &task["containers"][0];
    assert_eq!(container["exitCode"], 137);
    assert!(
        text(container, "reason").starts_with("OutOfMemoryError"),
        "{container}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r09_a_token_replayed_in_parallel_to_two_servers_has_one_effect() {
    let world = World::with_hosts(2).await;
    let second = ControlPlane::start(world.db.options(), Settings::default()).await;
    let definition = world.define("job", "fake/app:1").await;
    let input = json!({"cluster": CLUSTER, "taskDefinition": definition, "count": 2, "clientToken": "once"});
    let clients = [world.client.clone(), second.client()];
    let calls = (0..12).map(|call| clients[call % 2].call("RunTask", input.clone()));
    let mut arns: BTreeSet<String> = BTreeSet::new();
    for reply in futures::future::join_all(calls).await {
        let reply = reply.unwrap();
        let tasks = reply["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 2);
        arns.extend(tasks.iter().map(|task| text(task, "taskArn")));
    }
    assert_eq!(arns.len(), 2);
    let other = json!({"cluster": CLUSTER, "taskDefinition": definition, "count": 1, "clientToken": "once"});
    assert_eq!(
        second.client().refused("RunTask", other).await.code,
        "ConflictException"
    );
    for arn in &arns {
        world.task_is(arn, "RUNNING").await;
    }
    assert_eq!(world.hosts.running_tasks(), arns);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_stopped_before_it_runs_never_runs_after_that() {
    let world = World::with_hosts(1).await;
    let definition = world.define("slow", "fake/pull-slow:300ms").await;
    let started = world
        .client
        .ok(
            "RunTask",
            json!({"cluster": CLUSTER, "taskDefinition": definition, "count": 5}),
        )
        .await;
    let arns: Vec<String> = started["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| text(task, "taskArn"))
        .collect();
    for arn in &arns {
        world
            .client
            .ok("StopTask", json!({"cluster": CLUSTER, "task": arn}))
            .await;
    }
    for arn in &arns {
        let task: Value = world.task_is(arn, "STOPPED").await;
        assert_eq!(task["stopCode"], "UserInitiated");
    }
    world.all_is_well().await;
}
