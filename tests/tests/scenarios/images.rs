//! Which images the tasks of a service run (D-30).

use berth_tests::World;
use serde_json::{Value, json};

/// The images that containers of the host run, sorted.
fn images(world: &World) -> Vec<String> {
    let running = world.hosts.iter().flat_map(|host| host.engine().running());
    let mut images: Vec<String> = running.map(|container| container.image).collect();
    images.sort();
    images
}

fn digest(task: &Value) -> String {
    task["containers"][0]["imageDigest"]
        .as_str()
        .expect("a digest")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn d30_the_first_tasks_digest_counts_for_its_deployment() {
    let world = World::with_hosts(1).await;
    let web = world.define("web", "fake/app:1").await;
    world.create_service("web", &web, 1, json!({})).await;
    world.steady("web").await;
    assert_eq!(images(&world), ["fake/app:1"]);
    let first = digest(&world.tasks_of("web").await[0]);
    world.update_service("web", json!({"desiredCount": 3})).await;
    world.steady("web").await;
    let pinned = format!("fake/app:1@{first}");
    assert_eq!(images(&world), ["fake/app:1", &pinned, &pinned]);
    for task in world.tasks_of("web").await {
        assert_eq!(
            (digest(&task), &task["containers"][0]["image"]),
            (first.clone(), &json!("fake/app:1"))
        );
    }
    // Tasks of no service take what the tag means when they start.
    world.run(&web).await;
    assert_eq!(images(&world), ["fake/app:1", "fake/app:1", &pinned, &pinned]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d30_a_forced_deployment_resolves_its_images_anew() {
    let world = World::with_hosts(1).await;
    let web = world.define("web", "fake/app:1").await;
    world.create_service("web", &web, 1, json!({})).await;
    world.steady("web").await;
    world
        .update_service("web", json!({"forceNewDeployment": true}))
        .await;
    world.steady("web").await;
    assert_eq!(images(&world), ["fake/app:1"]);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d30_version_consistency_disabled_opts_out() {
    let world = World::with_hosts(1).await;
    let container =
        json!({"name": "app", "image": "fake/app:1", "memory": 64, "versionConsistency": "disabled"});
    let input = json!({"family": "web", "containerDefinitions": [container]});
    world.client.ok("RegisterTaskDefinition", input).await;
    world.create_service("web", "web", 1, json!({})).await;
    world.steady("web").await;
    world.update_service("web", json!({"desiredCount": 2})).await;
    world.steady("web").await;
    assert_eq!(images(&world), ["fake/app:1", "fake/app:1"]);
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d30_sd01_a_rollback_runs_the_images_that_it_goes_back_to() {
    let world = World::with_hosts(1).await;
    let (whole, broken) = (
        world.define("web", "fake/app:1").await,
        world.define("web", "fake/create-fails:1").await,
    );
    let configuration = json!({
        "minimumHealthyPercent": 0, "maximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
    });
    world
        .create_service(
            "web",
            &whole,
            1,
            json!({"deploymentConfiguration": configuration}),
        )
        .await;
    world.steady("web").await;
    let first = digest(&world.tasks_of("web").await[0]);
    world
        .update_service("web", json!({"taskDefinition": broken}))
        .await;
    world
        .event("web", "(service web) rolling back to deployment ecs-svc/")
        .await;
    let service = world.steady("web").await;
    assert_eq!(service["taskDefinition"], json!(whole));
    assert_eq!(images(&world), [format!("fake/app:1@{first}")]);
    world.all_is_well().await;
}
