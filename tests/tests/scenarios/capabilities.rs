//! What hosts with Berth's agent are asked for only if they can do it (TD-14, R-02).

use berth_tests::{CLUSTER, World};
use serde_json::{Value, json};

/// Registers a definition with these members of the task and of its container.
async fn define(world: &World, family: &str, task: Value, container: Value) {
    let mut app = json!({"name": "app", "image": "fake/app:1", "memory": 32});
    app.as_object_mut()
        .unwrap()
        .extend(container.as_object().unwrap().clone());
    let mut input = json!({"family": family, "containerDefinitions": [app]});
    input
        .as_object_mut()
        .unwrap()
        .extend(task.as_object().unwrap().clone());
    world.client.ok("RegisterTaskDefinition", input).await;
}

fn file(place: &str) -> Value {
    json!({"environmentFiles": [{"type": "s3", "value": place}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn td14_what_the_agent_cannot_do_finds_no_host() {
    let world = World::with_hosts(1).await;
    define(&world, "s3", json!({}), file("arn:aws:s3:::bucket/web.env")).await;
    define(&world, "pid-task", json!({"pidMode": "task"}), json!({})).await;
    define(&world, "ipc-task", json!({"ipcMode": "task"}), json!({})).await;
    for family in ["s3", "pid-task", "ipc-task"] {
        let reply = world
            .client
            .ok("RunTask", json!({"cluster": CLUSTER, "taskDefinition": family}))
            .await;
        assert_eq!(
            (&reply["tasks"], &reply["failures"][0]["reason"]),
            (&json!([]), &json!("ATTRIBUTE")),
            "{family}"
        );
    }
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn td32_td35_environment_files_outside_s3_and_the_hosts_namespaces_find_a_host() {
    let world = World::with_hosts(1).await;
    let place = std::env::temp_dir().join(format!("berth-{}.env", std::process::id()));
    std::fs::write(&place, "A=1\n").unwrap();
    define(&world, "path", json!({}), file(&place.display().to_string())).await;
    define(
        &world,
        "host",
        json!({"pidMode": "host", "ipcMode": "host"}),
        json!({}),
    )
    .await;
    define(&world, "none", json!({"ipcMode": "none"}), json!({})).await;
    for family in ["path", "host", "none"] {
        world.run(family).await;
    }
    std::fs::remove_file(place).unwrap();
}
