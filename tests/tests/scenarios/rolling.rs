//! Rolling updates stay within their bounds at every instant (D-01 to D-15).

use berth_tests::record::{are_healthy, fewest_healthy, most, moved_forward, stayed_within};
use berth_tests::{Bounds, Record, World};
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use test_support::Settings;

fn healthy_after() -> TimeDelta {
    Settings::default().service_healthy_after
}

fn percents(minimum: usize, maximum: usize) -> Value {
    json!({"deploymentConfiguration": {"minimumHealthyPercent": minimum, "maximumPercent": maximum}})
}

/// Brings a service of `desired` tasks from one definition to another and gives what was seen meanwhile.
async fn roll(
    world: &World,
    desired: usize,
    minimum: usize,
    maximum: usize,
) -> Vec<berth_tests::record::Look> {
    let (one, two) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/app:2").await,
    );
    let desired_count = i32::try_from(desired).unwrap();
    world
        .create_service("web", &one, desired_count, percents(minimum, maximum))
        .await;
    world.steady("web").await;
    are_healthy(&world.pool(), "web", desired, healthy_after()).await;
    let record = Record::start(world.pool(), "web");
    world.update_service("web", json!({"taskDefinition": two})).await;
    let service = world.steady("web").await;
    let looks = record.end().await;
    assert_eq!(service["deployments"][0]["taskDefinition"], json!(two));
    stayed_within(&looks, Bounds::of(desired, minimum, maximum), healthy_after());
    moved_forward(&looks);
    world.all_is_well().await;
    looks
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_four_tasks_at_100_and_200_percent_start_four_before_any_stops() {
    let world = World::with_hosts(2).await;
    let looks = roll(&world, 4, 100, 200).await;
    assert_eq!((most(&looks), fewest_healthy(&looks, healthy_after())), (8, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_four_tasks_at_50_and_100_percent_stop_two_at_a_time() {
    let world = World::with_hosts(2).await;
    let looks = roll(&world, 4, 50, 100).await;
    assert_eq!((most(&looks), fewest_healthy(&looks, healthy_after())), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_three_tasks_at_67_and_134_percent_never_fall_below_three() {
    let world = World::with_hosts(2).await;
    let looks = roll(&world, 3, 67, 134).await;
    assert_eq!((most(&looks), fewest_healthy(&looks, healthy_after())), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_one_task_at_0_and_100_percent_stops_before_its_successor_starts() {
    let world = World::with_hosts(1).await;
    let looks = roll(&world, 1, 0, 100).await;
    assert_eq!(most(&looks), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_ten_tasks_at_100_and_150_percent_go_five_at_a_time() {
    let world = World::with_hosts(2).await;
    let looks = roll(&world, 10, 100, 150).await;
    assert_eq!(most(&looks), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_one_task_at_50_and_100_percent_is_stuck_and_says_so() {
    let world = World::with_hosts(1).await;
    let (one, two) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/app:2").await,
    );
    world.create_service("web", &one, 1, percents(50, 100)).await;
    world.steady("web").await;
    world.update_service("web", json!({"taskDefinition": two})).await;
    world
        .event(
            "web",
            "was unable to stop or start tasks during a deployment because of the service deployment",
        )
        .await;
    let service = world.service("web").await;
    assert_eq!(
        (
            service["deployments"].as_array().unwrap().len(),
            &service["runningCount"]
        ),
        (2, &json!(1))
    );
    // The way out that the event names.
    world.update_service("web", percents(0, 100)).await;
    world.steady("web").await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d01_updates_at_random_leave_neither_bound_whatever_the_percentages_are() {
    let seed: u64 = rand::rng().random_range(0..1_000_000);
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::with_hosts(3).await;
    let mut definitions = Vec::new();
    for image in ["fake/app:1", "fake/start-slow:80ms", "fake/graceful:120ms"] {
        definitions.push(world.define("web", image).await);
    }
    for round in 0..3 {
        let name = format!("web-{round}");
        let (desired, minimum, maximum) = loop {
            let desired: usize = rng.random_range(2..9);
            let minimum = [0, 34, 50, 75, 100][rng.random_range(0..5)];
            let maximum = [134, 150, 200][rng.random_range(0..3)];
            let bounds = Bounds::of(desired, minimum, maximum);
            // Otherwise it is stuck, as it should be (D-02).
            if bounds.min_healthy < bounds.max_running {
                break (desired, minimum, maximum);
            }
        };
        println!("{name}: {desired} tasks, {minimum} to {maximum} percent");
        world
            .create_service(
                &name,
                &definitions[0],
                i32::try_from(desired).unwrap(),
                percents(minimum, maximum),
            )
            .await;
        world.steady(&name).await;
        are_healthy(&world.pool(), &name, desired, healthy_after()).await;
        let record = Record::start(world.pool(), &name);
        // Some while the one before is under way (D-13).
        for _ in 0..3 {
            let definition = definitions[rng.random_range(0..definitions.len())].clone();
            world
                .update_service(
                    &name,
                    json!({"taskDefinition": definition, "forceNewDeployment": true}),
                )
                .await;
            tokio::time::sleep(std::time::Duration::from_millis(rng.random_range(0..400))).await;
        }
        world.steady(&name).await;
        let looks = record.end().await;
        stayed_within(&looks, Bounds::of(desired, minimum, maximum), healthy_after());
        moved_forward(&looks);
    }
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d14_a_new_count_in_the_middle_of_a_deployment_counts_for_the_primary() {
    let world = World::with_hosts(2).await;
    let (one, two) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/start-slow:200ms").await,
    );
    world.create_service("web", &one, 2, json!({})).await;
    world.steady("web").await;
    world.update_service("web", json!({"taskDefinition": two})).await;
    world.update_service("web", json!({"desiredCount": 5})).await;
    let service = world.steady("web").await;
    assert_eq!(
        (
            &service["runningCount"],
            &service["deployments"][0]["desiredCount"]
        ),
        (&json!(5), &json!(5))
    );
    assert_eq!(service["deployments"][0]["taskDefinition"], json!(two));
    world.update_service("web", json!({"desiredCount": 1})).await;
    assert_eq!(world.steady("web").await["runningCount"], 1);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_events_tell_a_deployment_from_its_start_to_its_completion() {
    let world = World::with_hosts(1).await;
    let one = world.define("web", "fake/app:1").await;
    world.create_service("web", &one, 2, json!({})).await;
    let service = world.steady("web").await;
    let id = service["deployments"][0]["id"].as_str().unwrap().to_owned();
    let mut events = world.events("web").await;
    events.reverse();
    assert!(
        events[0].starts_with("(service web) has started 2 tasks: (task "),
        "{events:#?}"
    );
    let completed = format!("(service web) (deployment {id}) deployment completed.");
    let place = |text: &str| events.iter().position(|event| event == text);
    assert!(
        place(&completed).is_some() && place("(service web) has reached a steady state.").is_some(),
        "{events:#?}"
    );
    assert_eq!(
        service["deployments"][0]["rolloutStateReason"],
        json!(format!("ECS deployment {id} completed."))
    );
}
