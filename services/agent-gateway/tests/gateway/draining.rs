//! Tasks behind load balancers, and where their hosts are reached (T-43, LB-01).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

/// The task drains until then, as `store::tasks::stop` leaves it.
async fn drain(world: &World, task: &str, until: DateTime<Utc>) {
    let id: Uuid = task.rsplit('/').next().unwrap().parse().unwrap();
    sqlx::query("UPDATE tasks SET draining_until = $2, last_status = 'DEACTIVATING', desired_status = 'STOPPED' WHERE id = $1")
        .bind(id)
        .bind(until)
        .execute(world.api.db().pool())
        .await
        .unwrap();
}

async fn address(world: &World) -> Option<String> {
    sqlx::query_scalar("SELECT host(address) FROM container_instances")
        .fetch_one(world.api.db().pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn t43_an_agent_hears_of_a_stop_when_the_task_has_drained_and_keeps_it_until_then() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    let (draining, other) = (world.run_task().await, world.run_task().await);
    for _ in 0..2 {
        agent.take_payload().await;
    }
    let now = kit::Clock::now(world.api.clock());
    drain(&world, &draining, now + TimeDelta::seconds(30)).await;
    // Were the stop sent now, it would come before that of the other task.
    let id: Uuid = instance.rsplit('/').next().unwrap().parse().unwrap();
    world.api.db().wakes().send(store::Wake::Instance(id));
    world
        .api
        .ok("StopTask", json!({ "cluster": "demo", "task": other }))
        .await;
    let stop = agent.take_payload().await;
    assert_eq!(
        json!([stop["arn"], stop["desiredStatus"]]),
        json!([other, "STOPPED"])
    );
    drop(agent);

    let mut agent = world.connect(&instance).await;
    let manifest = agent.expect("TaskManifestMessage").await;
    let told = manifest["tasks"].as_array().unwrap();
    assert!(
        told.iter()
            .any(|task| task["taskArn"] == json!(draining) && task["desiredStatus"] == "RUNNING"),
        "{manifest}"
    );
    agent.ack(&manifest).await;
    let stop = agent.take_payload().await;
    assert_eq!(stop["arn"], json!(other), "said again to the new session");
    world.api.clock().advance(TimeDelta::seconds(30));
    world.api.db().wakes().send(store::Wake::Instance(id));
    let stop = agent.take_payload().await;
    assert_eq!(
        json!([stop["arn"], stop["desiredStatus"]]),
        json!([draining, "STOPPED"])
    );
    world
        .task_until(&draining, |task| task["lastStatus"] == "STOPPING")
        .await;
}

#[tokio::test]
async fn lb01_a_host_is_reached_where_its_agent_connects_from_unless_it_says_otherwise() {
    let world = World::new().await;
    let instance = world.register().await;
    assert_eq!(address(&world).await, None);
    let agent = world.connect_and_settle(&instance).await;
    assert_eq!(address(&world).await.as_deref(), Some("127.0.0.1"));
    drop(agent);
    sqlx::query(
        "UPDATE container_instances SET attributes = attributes || '{\"ecs.host-address\": \"10.1.2.3\"}'",
    )
    .execute(world.api.db().pool())
    .await
    .unwrap();
    let _agent = world.connect_and_settle(&instance).await;
    assert_eq!(address(&world).await.as_deref(), Some("10.1.2.3"));
}
