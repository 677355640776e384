//! How logs are delivered when the definition does not say (TD-38).

use serde_json::{Value, json};

use crate::world::World;

/// `LogConfig` of the one container in the payload of a task that is started now.
async fn log_config(world: &World, agent: &mut crate::world::Agent) -> Value {
    world.run_task().await;
    let task = agent.take_payload().await;
    let fragment = task["containers"][0]["dockerConfig"]["hostConfig"]
        .as_str()
        .unwrap();
    serde_json::from_str::<Value>(fragment).unwrap()["LogConfig"].clone()
}

#[tokio::test]
async fn td38_logs_do_not_block_unless_the_account_or_the_definition_says_so() {
    let world = World::new().await;
    let instance = world
        .register_with(&["com.amazonaws.ecs.capability.logging-driver.json-file"])
        .await;
    let mut agent = world.connect_and_settle(&instance).await;
    let define = async |options: Value| {
        let logs = json!({ "logDriver": "json-file", "options": options });
        let container = json!({ "name": "web", "image": "tiny:1", "memory": 16, "logConfiguration": logs });
        world
            .api
            .ok(
                "RegisterTaskDefinition",
                json!({ "family": "web", "containerDefinitions": [container] }),
            )
            .await;
    };
    define(json!({ "max-size": "1m" })).await;
    let shown = world
        .api
        .ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }))
        .await;
    let logs = &shown["taskDefinition"]["containerDefinitions"][0]["logConfiguration"];
    assert_eq!(logs["options"], json!({ "max-size": "1m" }));

    let of = |options: Value| json!({ "Type": "json-file", "Config": options });
    let open = of(json!({ "max-size": "1m", "mode": "non-blocking", "max-buffer-size": "10m" }));
    assert_eq!(log_config(&world, &mut agent).await, open);

    let put = async |operation: &str, value: &str| {
        world
            .api
            .ok(
                operation,
                json!({ "name": "defaultLogDriverMode", "value": value }),
            )
            .await;
    };
    put("PutAccountSettingDefault", "blocking").await;
    assert_eq!(
        log_config(&world, &mut agent).await,
        of(json!({ "max-size": "1m" }))
    );
    define(json!({ "mode": "non-blocking", "max-buffer-size": "2m" })).await;
    let own = of(json!({ "mode": "non-blocking", "max-buffer-size": "2m" }));
    assert_eq!(log_config(&world, &mut agent).await, own);

    put("PutAccountSettingDefault", "non-blocking").await;
    define(json!({ "mode": "blocking" })).await;
    assert_eq!(
        log_config(&world, &mut agent).await,
        of(json!({ "mode": "blocking" }))
    );
    define(json!({ "max-buffer-size": "2m" })).await;
    assert_eq!(log_config(&world, &mut agent).await, own);
}
