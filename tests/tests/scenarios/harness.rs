//! The checks of the harness see what they are there for.

use berth_tests::{CLUSTER, World};
use runtime::Runtime;
use serde_json::json;
use test_support::books;

/// The text with which a check fails.
async fn complaint(check: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(check)
        .await
        .expect_err("the check sees it")
        .into_panic();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_started_twice_is_seen() {
    let world = World::with_hosts(1).await;
    let definition = world.define("job", "fake/app:1").await;
    let task = world.run(&definition).await;
    let engine = world.hosts[0].engine().clone();
    let container = world.hosts[0].container_of(&task, "app").await;
    world.hosts.nothing_ran_twice();
    world.hosts[0].kill().await;
    engine.exit(&container, 1).unwrap();
    engine.container_start(&container).await.unwrap();
    let hosts = world.hosts;
    let complaint = complaint(async move { hosts.nothing_ran_twice() }).await;
    assert!(
        complaint.contains("started more than once") && complaint.contains(&task),
        "{complaint}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_do_not_balance_are_seen() {
    let world = World::with_hosts(1).await;
    let definition = world.define("job", "fake/app:1").await;
    world.run(&definition).await;
    let pool = world.pool();
    books::balance(&pool).await;
    let before = books::digest(&pool).await;
    sqlx::query("UPDATE container_instances SET used_cpu = used_cpu + 1")
        .execute(&pool)
        .await
        .unwrap();
    assert_ne!(books::digest(&pool).await, before);
    let complaint = complaint(async move { books::balance(&pool).await }).await;
    assert!(complaint.contains("tasks hold 128"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_gone_and_a_started_one_has_its_address() {
    let world = World::with_hosts(0).await;
    world.server.kill().await;
    let answer = world.client.call("ListClusters", json!({})).await;
    assert!(answer.is_err_and(|error| !error.is_final()));
    world.server.start_again().await.unwrap();
    let listed = world.client.ok("ListClusters", json!({})).await;
    assert!(listed["clusterArns"][0].as_str().unwrap().ends_with(CLUSTER));
}
