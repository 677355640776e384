//! Servers that are killed, stopped, frozen and emptied, and others that go on.

use std::time::Duration;

use berth_tests::{CLUSTER, PATIENCE, World};
use serde_json::json;
use test_support::{ControlPlane, Settings, SimHosts, TestDb, books, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_a_server_that_is_killed_go_to_another_and_back_without_losing_a_task() {
    let settings = Settings {
        host_loss_after: chrono::TimeDelta::seconds(30),
        ..Settings::default()
    };
    let db = TestDb::new().await;
    let first = ControlPlane::start(db.options(), settings.clone()).await;
    let second = ControlPlane::start(db.options(), settings).await;
    let hosts = SimHosts::of(&[&first, &second]).connected(3).await;
    let definition = berth_tests::define(&first.client(), "web", "fake/app:1").await;
    let input =
        json!({"cluster": CLUSTER, "serviceName": "web", "taskDefinition": definition, "desiredCount": 4});
    first.client().ok("CreateService", input).await;
    berth_tests::steady(&first.client(), "web").await;
    let before = hosts.running_tasks();
    for (dying, living) in [(&first, &second), (&second, &first)] {
        dying.kill().await;
        eventually("an update goes through the other server", PATIENCE, async || {
            living
                .client()
                .call(
                    "UpdateService",
                    json!({"cluster": CLUSTER, "service": "web", "desiredCount": 5}),
                )
                .await
                .ok()
        })
        .await;
        berth_tests::steady(&living.client(), "web").await;
        dying.start_again().await.unwrap();
        // The client of the hosts asks the first one.
        hosts.are_connected().await;
    }
    assert!(before.is_subset(&hosts.running_tasks()));
    hosts.no_container_left_over().await;
    hosts.nothing_ran_twice();
    books::balance(db.db().pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_in_an_orderly_way_ends_at_once_and_goes_on_later() {
    let world = World::with_hosts(2).await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 3, json!({})).await;
    world.steady("web").await;
    let begun = std::time::Instant::now();
    assert_eq!(
        world.server.stop().await,
        Vec::<String>::new(),
        "all loops and sessions end by themselves"
    );
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    world.server.start_again().await.unwrap();
    world.hosts.are_connected().await;
    world.update_service("web", json!({"desiredCount": 4})).await;
    world.steady("web").await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_an_empty_berth_and_connected_hosts() {
    let settings = Settings {
        allow_reset: true,
        ..Settings::default()
    };
    let world = World::start(settings, 2, |plan| plan).await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 4, json!({})).await;
    world.steady("web").await;
    let request = http::Request::post(format!("{}/_berth/reset", world.server.url()));
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    world
        .client
        .signer()
        .sign(&mut parts, b"", kit::Clock::now(world.server.clock()))
        .unwrap();
    let answer = world
        .client
        .send(http::Request::from_parts(parts, bytes::Bytes::new()))
        .await
        .unwrap();
    assert!(answer.status.is_success(), "{answer:?}");
    assert!(world.hosts.running_tasks().is_empty());
    assert_eq!(
        world.client.ok("ListTaskDefinitions", json!({})).await["taskDefinitionArns"],
        json!([])
    );
    assert_eq!(
        world.client.ok("ListServices", json!({"cluster": CLUSTER})).await["serviceArns"],
        json!([])
    );
    world.hosts.are_connected().await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 2, json!({})).await;
    world.steady("web").await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_for_a_while_is_overtaken_and_does_no_harm_when_it_goes_on() {
    let settings = Settings {
        host_loss_after: chrono::TimeDelta::seconds(30),
        ..Settings::default()
    };
    stand_still(settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_for_longer_than_hosts_may_be_silent_does_no_harm_either() {
    let settings = Settings {
        host_loss_after: chrono::TimeDelta::milliseconds(1_500),
        ..Settings::default()
    };
    stand_still(settings).await;
}

/// Freezes the server that leads and holds an agent's session, while the service is worked upon through another one.
async fn stand_still(settings: Settings) {
    let db = TestDb::new().await;
    let first = ControlPlane::start(db.options(), settings.clone()).await;
    let hosts = SimHosts::of(&[&first]).connected(1).await;
    let second = ControlPlane::start(db.options(), settings).await;
    let client = second.client();
    let others = SimHosts::of(&[&second, &first]).seed(2).connected(2).await;
    let definition = berth_tests::define(&client, "web", "fake/app:1").await;
    let input =
        json!({"cluster": CLUSTER, "serviceName": "web", "taskDefinition": definition, "desiredCount": 3});
    client.ok("CreateService", input).await;
    berth_tests::steady(&client, "web").await;

    let working = async {
        // The first server leads; the second one has to notice that it does no more.
        let input =
            json!({"cluster": CLUSTER, "service": "web", "desiredCount": 8, "forceNewDeployment": true});
        client.ok("UpdateService", input).await;
        eventually("the other server goes on", PATIENCE, async || {
            let service = client.service(CLUSTER, "web").await.ok()?;
            (service["runningCount"].as_i64()? > 3).then_some(())
        })
        .await;
    };
    tokio::join!(first.freeze(Duration::from_secs(12)), working);
    berth_tests::steady(&client, "web").await;
    hosts.are_connected().await;
    let running = hosts.running_tasks().len() + others.running_tasks().len();
    assert!(running >= 8, "{running}");
    hosts.nothing_ran_twice();
    others.nothing_ran_twice();
    books::balance(db.db().pool()).await;
    assert_eq!((first.failure().await, second.failure().await), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_put_forward_and_back_costs_no_task() {
    let world = World::with_hosts(2).await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 4, json!({})).await;
    world.steady("web").await;
    let before = world.hosts.running_tasks();
    for hours in [1, -3, 48] {
        world.server.clock().advance(chrono::TimeDelta::hours(hours));
        let task = world.run(&definition).await;
        world
            .client
            .ok("StopTask", json!({"cluster": CLUSTER, "task": task}))
            .await;
        world.task_is(&task, "STOPPED").await;
        world.steady("web").await;
        world.hosts.are_connected().await;
        assert!(before.is_subset(&world.hosts.running_tasks()), "after {hours} h");
    }
    world.all_is_well().await;
}
