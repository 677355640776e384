//! Services whose tasks fail: throttle (S-40), circuit breaker (D-20 to D-22), replacement of the dead (S-30).

use berth_tests::{CLUSTER, PATIENCE, World};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{eventually, settles};

/// Tasks of the service that were ever made.
async fn made(world: &World, service: &str) -> i64 {
    let query = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE task_group = 'service:' || $1");
    query.bind(service).fetch_one(&world.pool()).await.unwrap()
}

fn breaker(rollback: bool) -> Value {
    json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_tasks_that_never_start_are_tried_at_growing_distances() {
    let world = World::with_hosts(1).await;
    let broken = world.define("broken", "fake/create-fails:1").await;
    world.create_service("broken", &broken, 1, json!({})).await;
    // 5 s, 10 s, 20 s: each pause has to pass before there is another attempt.
    for (attempts, pause) in [(1, 5), (2, 10), (3, 20)] {
        eventually("the attempt has failed", PATIENCE, async || {
            let stopped = world.client.tasks(CLUSTER, "STOPPED").await.unwrap();
            (stopped
                .iter()
                .filter(|task| task["lastStatus"] == "STOPPED")
                .count()
                == attempts)
                .then_some(())
        })
        .await;
        // Not one second before its time.
        world
            .server
            .clock()
            .advance(TimeDelta::milliseconds(pause * 1000 - 1500));
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        assert_eq!(made(&world, "broken").await, i64::try_from(attempts).unwrap());
        world.server.clock().advance(TimeDelta::seconds(2));
        eventually("the next attempt", PATIENCE, async || {
            (made(&world, "broken").await > attempts as i64).then_some(())
        })
        .await;
    }
    world
        .event(
            "broken",
            "(service broken) is unable to consistently start tasks successfully.",
        )
        .await;
    // A new deployment starts at once.
    let whole = world.define("whole", "fake/app:1").await;
    world
        .update_service("broken", json!({"taskDefinition": whole}))
        .await;
    world.steady("broken").await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_tasks_that_ran_and_died_are_replaced_without_a_pause() {
    let world = World::with_hosts(1).await;
    let crashing = world.define("crashing", "fake/run-then-exit:50ms-1").await;
    world.create_service("crashing", &crashing, 1, json!({})).await;
    eventually("six tasks came and went", PATIENCE, async || {
        (made(&world, "crashing").await >= 6).then_some(())
    })
    .await;
    let stopped = world.client.tasks(CLUSTER, "STOPPED").await.unwrap();
    let task = stopped
        .iter()
        .find(|task| task["lastStatus"] == "STOPPED")
        .unwrap();
    assert_eq!(
        (&task["stopCode"], &task["containers"][0]["exitCode"]),
        (&json!("EssentialContainerExited"), &json!(1))
    );
    world.update_service("crashing", json!({"desiredCount": 0})).await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_a_deployment_whose_tasks_fail_to_start_is_rolled_back() {
    let world = World::with_hosts(1).await;
    let (whole, broken) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/create-fails:1").await,
    );
    world.create_service("web", &whole, 4, breaker(true)).await;
    world.steady("web").await;
    world
        .update_service("web", json!({"taskDefinition": broken}))
        .await;
    world
        .event("web", "deployment failed: tasks failed to start.")
        .await;
    world
        .event("web", "(service web) rolling back to deployment ecs-svc/")
        .await;
    let service = world.steady("web").await;
    let primary = &service["deployments"][0];
    assert_eq!(
        (&primary["taskDefinition"], &service["taskDefinition"]),
        (&json!(whole), &json!(whole))
    );
    assert_eq!(world.tasks_of("web").await.len(), 4);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_without_rollback_a_failed_deployment_stays_and_the_old_tasks_go_on() {
    let world = World::with_hosts(1).await;
    let (whole, broken) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/start-fails:1").await,
    );
    world.create_service("web", &whole, 4, breaker(false)).await;
    world.steady("web").await;
    world
        .update_service("web", json!({"taskDefinition": broken}))
        .await;
    settles("the deployment failed", PATIENCE, async || {
        let service = world.service("web").await;
        let primary = &service["deployments"][0];
        match primary["rolloutState"] == "FAILED" {
            true => Ok(()),
            false => Err(service["deployments"].to_string()),
        }
    })
    .await;
    let service = world.service("web").await;
    let primary = &service["deployments"][0];
    assert_eq!(
        primary["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    let failed = primary["failedTasks"].as_i64().unwrap();
    assert!(failed >= 3, "{failed}");
    // No further attempts, however long one waits.
    let attempts = made(&world, "web").await;
    world.server.clock().advance(TimeDelta::minutes(4));
    let settled = std::time::Duration::from_millis(800);
    tokio::time::sleep(settled).await;
    assert_eq!(made(&world, "web").await, attempts);
    let running = world.tasks_of("web").await;
    assert!(
        running
            .iter()
            .all(|task| task["taskDefinitionArn"] == json!(whole))
            && running.len() == 4,
        "{running:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d20_the_first_deployment_of_a_service_has_nothing_to_go_back_to() {
    let world = World::with_hosts(1).await;
    let broken = world.define("web", "fake/pull-fails:1").await;
    world.create_service("web", &broken, 3, breaker(true)).await;
    world
        .event("web", "deployment failed: tasks failed to start.")
        .await;
    let service = world.service("web").await;
    assert_eq!(
        (
            &service["deployments"][0]["rolloutState"],
            &service["runningCount"]
        ),
        (&json!("FAILED"), &json!(0))
    );
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_unhealthy_tasks_are_replaced_and_trip_the_breaker() {
    let world = World::with_hosts(1).await;
    let check = json!({"command": ["CMD-SHELL", "true"]});
    let mut definitions = Vec::new();
    for image in ["fake/app:1", "fake/unhealthy:50ms"] {
        let container = json!({"name": "app", "image": image, "memory": 32, "healthCheck": check});
        let input = json!({"family": "checked", "containerDefinitions": [container]});
        let registered = world.client.ok("RegisterTaskDefinition", input).await;
        definitions.push(registered["taskDefinition"]["taskDefinitionArn"].clone());
    }
    world
        .create_service("checked", definitions[0].as_str().unwrap(), 2, breaker(true))
        .await;
    world.steady("checked").await;
    world
        .update_service("checked", json!({"taskDefinition": definitions[1]}))
        .await;
    world.event("checked", "failed container health checks.").await;
    world
        .event("checked", "(service checked) rolling back to deployment ecs-svc/")
        .await;
    let service = world.steady("checked").await;
    assert_eq!(service["taskDefinition"], definitions[0]);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_killed_behind_the_agents_back_are_replaced() {
    let world = World::with_hosts(2).await;
    let definition = world.define("web", "fake/app:1").await;
    world.create_service("web", &definition, 3, json!({})).await;
    world.steady("web").await;
    let before: Vec<Value> = world.tasks_of("web").await;
    for task in &before {
        let host = world.hosts.named(task["containerInstanceArn"].as_str().unwrap());
        let container = host.container_of(task["taskArn"].as_str().unwrap(), "app").await;
        host.engine().kill(&container).unwrap();
    }
    for task in &before {
        let stopped = world.task_is(task["taskArn"].as_str().unwrap(), "STOPPED").await;
        assert_eq!(stopped["containers"][0]["exitCode"], 137);
    }
    world.steady("web").await;
    assert_eq!(world.tasks_of("web").await.len(), 3);
    world.all_is_well().await;
}
