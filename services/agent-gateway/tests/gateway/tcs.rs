//! Telemetry sessions.

use serde_json::{Value, json};

use crate::world::World;

/// A frame as the official agent writes it: signed headers, an empty line, the envelope.
fn frame(kind: &str, message: Value) -> String {
    let headers = "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/ecs/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=0\r\nHost: 127.0.0.1:18080\r\nX-Amz-Date: 20261123T053417Z\r\n\r\n";
    format!("{headers}{}", json!({ "type": kind, "message": message }))
}

fn health_frame(instance: &str, task: &str, status: &str) -> String {
    let container =
        |name: &str| json!({ "containerName": name, "healthStatus": status, "statusSince": 1795412057.2 });
    let message = json!({
        "metadata": { "cluster": "demo", "containerInstance": instance, "fin": true, "messageId": "h" },
        "tasks": [{
            "taskArn": task, "taskDefinitionFamily": "web", "taskDefinitionVersion": "1",
            "containers": [container("web"), container("side"), container("nobody")],
        }],
        "timestamp": 1795412057.213,
    });
    frame("PublishHealthRequest", message)
}

#[tokio::test]
async fn metrics_are_acknowledged() {
    let world = World::new().await;
    let instance = world.register().await;
    let mut agent = world.connect_telemetry(&instance).await;
    let idle = json!({
        "metadata": { "cluster": "demo", "containerInstance": instance, "fin": true, "idle": true, "messageId": "m" },
        "timestamp": 1795412057.213,
    });
    agent.say_raw(frame("PublishMetricsRequest", idle)).await;
    agent.expect("AckPublishMetric").await;
}

#[tokio::test]
async fn t51_container_health_reaches_the_task() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let _control = world.connect_and_settle(&instance).await;
    let mut agent = world.connect_telemetry(&instance).await;
    let task = world.run_task().await;
    for status in ["HEALTHY", "UNHEALTHY", "UNHEALTHY", "HEALTHY"] {
        agent.say_raw(health_frame(&instance, &task, status)).await;
        agent.expect("AckPublishHealth").await;
        let shown = world.task(&task).await;
        assert_eq!(shown["healthStatus"], status);
        // Only a check of the definition counts (T-50).
        let side = shown["containers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["name"] == "side")
            .unwrap();
        assert_eq!(side["healthStatus"], "UNKNOWN");
    }
}

#[tokio::test]
async fn health_of_tasks_elsewhere_is_not_believed() {
    let world = World::new().await;
    world.define_task().await;
    let one = world.register().await;
    let _control = world.connect_and_settle(&one).await;
    let task = world.run_task().await;
    let other = world.register().await;
    let mut agent = world.connect_telemetry(&other).await;
    agent.say_raw(health_frame(&other, &task, "HEALTHY")).await;
    agent.expect("AckPublishHealth").await;
    assert_eq!(world.task(&task).await["healthStatus"], "UNKNOWN");
}

#[tokio::test]
async fn i12_the_runtimes_health_is_shown() {
    let world = World::new().await;
    let instance = world.register().await;
    assert_eq!(
        world.instance(&instance).await["healthStatus"]["overallStatus"],
        "INSUFFICIENT_DATA"
    );
    let mut agent = world.connect_telemetry(&instance).await;
    let message = json!({
        "metadata": { "cluster": "demo", "containerInstance": instance, "requestId": "r" },
        "statuses": [{
            "type": "ContainerRuntime", "status": "IMPAIRED", "statusReason": "no answer",
            "lastUpdated": 1795412057.2, "lastStatusChange": 1795412050.0,
        }],
        "timestamp": 1795412057.213,
    });
    agent
        .say_raw(frame("PublishInstanceStatusRequest", message))
        .await;
    agent.expect("AckPublishInstanceStatus").await;
    let health = &world.instance(&instance).await["healthStatus"];
    assert_eq!(health["overallStatus"], "IMPAIRED");
    let detail = &health["details"][0];
    assert_eq!(
        json!([detail["type"], detail["status"], detail["statusReason"]]),
        json!(["CONTAINER_RUNTIME", "IMPAIRED", "no answer"])
    );
}
