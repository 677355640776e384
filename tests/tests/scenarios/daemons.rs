//! DAEMON services: one task on each host that fits (S-60, S-61).

use std::collections::BTreeSet;

use berth_tests::{CLUSTER, PATIENCE, World, text};
use serde_json::{Value, json};
use test_support::{Settings, SimHosts, settles};

async fn create(world: &World, definition: &str, more: Value) {
    let mut input = json!({"cluster": CLUSTER, "serviceName": "watch", "taskDefinition": definition, "schedulingStrategy": "DAEMON"});
    berth_tests::merge(&mut input, more);
    let service = world.client.ok("CreateService", input).await["service"].clone();
    assert_eq!(service["schedulingStrategy"], "DAEMON");
}

/// Waits until one task runs on each of these hosts and none elsewhere.
async fn runs_on(world: &World, hosts: &[Option<String>]) {
    let wanted: BTreeSet<String> = hosts.iter().flatten().cloned().collect();
    settles("one task on each host", PATIENCE, async || {
        let tasks = world.tasks_of("watch").await;
        let running = tasks.iter().filter(|task| task["lastStatus"] == "RUNNING");
        let there: Vec<String> = running.map(|task| text(task, "containerInstanceArn")).collect();
        match there.len() == wanted.len() && there.iter().cloned().collect::<BTreeSet<_>>() == wanted {
            true => Ok(()),
            false => Err(format!("runs on {there:?}, should on {wanted:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_a_daemon_follows_the_hosts_that_join_drain_come_back_and_go() {
    let world = World::with_hosts(2).await;
    let definition = world.define("watch", "fake/app:1").await;
    create(&world, &definition, json!({})).await;
    runs_on(&world, &[world.hosts[0].arn(), world.hosts[1].arn()]).await;
    assert_eq!(world.steady("watch").await["desiredCount"], 2);

    let third = SimHosts::of(&[&world.server]).seed(7).connected(1).await;
    runs_on(
        &world,
        &[world.hosts[0].arn(), world.hosts[1].arn(), third[0].arn()],
    )
    .await;

    let drained =
        json!({"cluster": CLUSTER, "containerInstances": [world.hosts[0].arn()], "status": "DRAINING"});
    world.client.ok("UpdateContainerInstancesState", drained).await;
    runs_on(&world, &[world.hosts[1].arn(), third[0].arn()]).await;
    let active =
        json!({"cluster": CLUSTER, "containerInstances": [world.hosts[0].arn()], "status": "ACTIVE"});
    world.client.ok("UpdateContainerInstancesState", active).await;
    runs_on(
        &world,
        &[world.hosts[0].arn(), world.hosts[1].arn(), third[0].arn()],
    )
    .await;

    // Lost, and back again.
    third[0].kill().await;
    runs_on(&world, &[world.hosts[0].arn(), world.hosts[1].arn()]).await;
    third[0].start();
    runs_on(
        &world,
        &[world.hosts[0].arn(), world.hosts[1].arn(), third[0].arn()],
    )
    .await;
    assert_eq!(world.steady("watch").await["desiredCount"], 3);
    third.nothing_ran_twice();
    world.hosts.nothing_ran_twice();
    test_support::books::balance(&world.pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_constraints_choose_the_hosts_of_a_daemon_and_new_attributes_move_it() {
    let world = World::with_hosts(2).await;
    let definition = world.define("watch", "fake/app:1").await;
    let put = |host: usize, stack: &str| {
        let attribute = json!({"name": "stack", "value": stack, "targetType": "container-instance", "targetId": world.hosts[host].arn()});
        world.client.ok(
            "PutAttributes",
            json!({"cluster": CLUSTER, "attributes": [attribute]}),
        )
    };
    put(0, "prod").await;
    let constraints =
        json!({"placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == prod"}]});
    create(&world, &definition, constraints).await;
    runs_on(&world, &[world.hosts[0].arn()]).await;
    put(1, "prod").await;
    runs_on(&world, &[world.hosts[0].arn(), world.hosts[1].arn()]).await;
    put(0, "test").await;
    runs_on(&world, &[world.hosts[1].arn()]).await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s61_an_update_of_a_daemon_stops_before_it_starts_and_goes_in_batches() {
    let world = World::start(Settings::default(), 4, |plan| plan).await;
    let (one, two) = (
        world.define("watch", "fake/app:1").await,
        world.define("watch", "fake/app:2").await,
    );
    create(
        &world,
        &one,
        json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}}),
    )
    .await;
    world.steady("watch").await;
    let record = berth_tests::Record::start(world.pool(), "watch");
    world
        .update_service("watch", json!({"taskDefinition": two}))
        .await;
    world.steady("watch").await;
    let looks = record.end().await;
    for look in &looks {
        let running = look
            .tasks
            .iter()
            .filter(|task| task.last_status == "RUNNING" && task.desired_status == "RUNNING");
        assert!(look.existing() <= 4 && running.count() >= 2, "{look}");
    }
    berth_tests::record::moved_forward(&looks);
    let tasks = world.tasks_of("watch").await;
    assert!(
        tasks.iter().all(|task| task["taskDefinitionArn"] == json!(two)),
        "{tasks:#?}"
    );
    world.all_is_well().await;
}
