//! Malformed bodies: always the client's fault, and nothing changes.

use aws_model::Operation;
use aws_model::ecs::ops as model;
use serde_json::{Value, json};
use test_support::TestApi;

use super::web;

async fn all_are_the_clients_fault<Op: Operation>(api: &TestApi, valid: &Value) {
    for (name, body) in aws_model::malformed::cases(Op::INPUT, valid) {
        match api.call_raw(Op::NAME, &body).await {
            Ok(reply) => panic!("{} {name}: answered {reply}", Op::NAME),
            Err(refusal) => assert!(!refusal.is_fault(), "{} {name}: {}", Op::NAME, refusal.message),
        }
    }
}

async fn rows(api: &TestApi) -> Vec<String> {
    let sql = "SELECT to_jsonb(t)::text FROM task_definitions t UNION ALL SELECT to_jsonb(t)::text FROM tags t \
               UNION ALL SELECT to_jsonb(f)::text FROM task_definition_families f ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(api.db().pool()).await.unwrap()
}

fn full_definition() -> Value {
    let container = json!({
        "essential": true, "links": ["db:d"], "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "http"}],
        "environment": [{"name": "A", "value": "b"}], "environmentFiles": [{"type": "s3", "value": "/x.env"}],
        "dependsOn": [{"containerName": "db", "condition": "START"}], "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
        "volumesFrom": [{"sourceContainer": "db"}], "secrets": [{"name": "S", "valueFrom": "/s"}], "command": ["true"],
        "healthCheck": {"command": ["CMD", "true"], "interval": 5}, "restartPolicy": {"enabled": true, "ignoredExitCodes": [1]},
        "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1}], "dockerLabels": {"a": "b"},
        "linuxParameters": {
            "capabilities": {"add": ["KILL"], "drop": ["KILL"]}, "devices": [{"hostPath": "/dev/x", "permissions": ["read"]}],
            "tmpfs": [{"containerPath": "/run", "size": 1, "mountOptions": ["rw"]}],
        },
        "logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m"}, "secretOptions": [{"name": "x", "valueFrom": "x"}]},
        "systemControls": [{"namespace": "net.x", "value": "1"}], "resourceRequirements": [{"type": "GPU", "value": "1"}],
    });
    let task = json!({
        "executionRoleArn": "execution", "tags": [{"key": "a", "value": "b"}], "requiresCompatibilities": ["EC2"],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:x == y"}], "cpu": "256", "memory": "512",
        "volumes": [{"name": "v", "dockerVolumeConfiguration": {"driverOpts": {"a": "b"}, "labels": {"a": "b"}}}],
    });
    let mut definition = web(task, container);
    let db = json!({"name": "db", "image": "x", "memory": 6});
    definition["containerDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(db);
    definition
}

#[tokio::test]
async fn malformed_definitions_are_refused_and_nothing_changes() {
    let api = TestApi::new().await;
    let valid = full_definition();
    all_are_the_clients_fault::<model::RegisterTaskDefinition>(&api, &valid).await;
    assert_eq!(rows(&api).await, Vec::<String>::new());
    super::register(&api, valid).await;
}

#[tokio::test]
async fn malformed_requests_about_definitions_are_refused_and_nothing_changes() {
    let api = TestApi::new().await;
    super::register(
        &api,
        web(json!({"tags": [{"key": "a", "value": "b"}]}), json!({})),
    )
    .await;
    let before = rows(&api).await;
    let one = json!({"taskDefinition": "web:1"});
    let described = json!({"taskDefinition": "web:1", "include": ["TAGS"]});
    let listed = json!({"familyPrefix": "web", "status": "ACTIVE", "maxResults": 1});
    all_are_the_clients_fault::<model::DeregisterTaskDefinition>(&api, &one).await;
    all_are_the_clients_fault::<model::DescribeTaskDefinition>(&api, &described).await;
    all_are_the_clients_fault::<model::ListTaskDefinitions>(&api, &listed).await;
    all_are_the_clients_fault::<model::ListTaskDefinitionFamilies>(&api, &listed).await;
    let deleted = json!({"taskDefinitions": ["web:1", "web:2"]});
    for (name, body) in aws_model::malformed::cases(model::DeleteTaskDefinitions::INPUT, &deleted) {
        match api.call_raw("DeleteTaskDefinitions", &body).await {
            // What names nothing is told as data (W-10).
            Ok(reply) => assert_eq!(reply["taskDefinitions"], json!([]), "{name}"),
            Err(refusal) => assert!(!refusal.is_fault(), "{name}: {}", refusal.message),
        }
    }
    assert_eq!(rows(&api).await, before);
}
