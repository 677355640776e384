//! What replies hold: defaults, normal forms, and everything else as it came (TD-10, TD-11, TD-13, W-06).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{register, web};

#[tokio::test]
async fn td10_the_reply_has_exactly_the_defaults_of_a_definition() {
    let api = TestApi::new().await;
    let shown = register(&api, web(json!({}), json!({}))).await;
    let expected = json!({
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1",
        "family": "web",
        "revision": 1,
        "status": "ACTIVE",
        "volumes": [],
        "placementConstraints": [],
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
        "compatibilities": ["EXTERNAL", "EC2"],
        "registeredAt": 1_767_225_600,
        "registeredBy": "arn:aws:iam::000000000000:root",
        "containerDefinitions": [{
            "name": "app", "image": "nginx", "memory": 64, "cpu": 0, "essential": true, "environment": [],
            "mountPoints": [], "volumesFrom": [], "portMappings": [], "systemControls": [],
        }],
    });
    assert_eq!(shown, expected);
    let described = api
        .ok("DescribeTaskDefinition", json!({"taskDefinition": "web"}))
        .await;
    assert_eq!(described, json!({"taskDefinition": expected, "tags": []}));
    let by_alice = register(&api.as_principal("user/alice"), web(json!({}), json!({}))).await;
    assert_eq!(by_alice["registeredBy"], "arn:aws:iam::000000000000:user/alice");
}

#[tokio::test]
async fn td11_port_mappings_get_a_protocol_and_the_modes_host_port() {
    let api = TestApi::new().await;
    let mappings = json!([
        {"containerPort": 80}, {"containerPort": 53, "protocol": "udp", "name": "dns"}, {"containerPort": 81, "hostPort": 81},
    ]);
    for (mode, first, second) in [
        (Value::Null, 0, 0),
        (json!("bridge"), 0, 0),
        (json!("host"), 80, 53),
        (json!("awsvpc"), 80, 53),
    ] {
        let shown = register(
            &api,
            web(json!({"networkMode": mode}), json!({"portMappings": mappings})),
        )
        .await;
        let expected = json!([
            {"containerPort": 80, "hostPort": first, "protocol": "tcp"},
            {"containerPort": 53, "hostPort": second, "protocol": "udp", "name": "dns"},
            {"containerPort": 81, "hostPort": 81, "protocol": "tcp"},
        ]);
        assert_eq!(
            shown["containerDefinitions"][0]["portMappings"], expected,
            "{mode}"
        );
    }
    let range = json!({"portMappings": [{"containerPortRange": "8000-8010"}]});
    let shown = register(&api, web(json!({}), range)).await;
    let expected = json!([{"containerPortRange": "8000-8010", "protocol": "tcp"}]);
    assert_eq!(shown["containerDefinitions"][0]["portMappings"], expected);
}

/// Everything that a definition can have in bridge mode, as tools send it.
fn rich() -> Value {
    let app = json!({
        "name": "app", "image": "registry.example.com/app:1", "cpu": 10, "memory": 128, "memoryReservation": 64,
        "repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:us-east-1:000000000000:secret:registry-AbCdEf"},
        "links": ["db:database"],
        "portMappings": [{"containerPort": 80, "hostPort": 8080, "protocol": "tcp", "name": "http", "appProtocol": "http2"}],
        "essential": true,
        "restartPolicy": {"enabled": true, "ignoredExitCodes": [0, 3], "restartAttemptPeriod": 60},
        "entryPoint": ["sh", "-c"], "command": [],
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": false}],
        "volumesFrom": [{"sourceContainer": "db", "readOnly": true}],
        "linuxParameters": {
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "initProcessEnabled": true, "sharedMemorySize": 64,
            "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/x", "permissions": ["read", "mknod"]}],
            "tmpfs": [{"containerPath": "/run", "size": 8, "mountOptions": ["rw"]}], "maxSwap": 0, "swappiness": 10,
        },
        "secrets": [{"name": "TOKEN", "valueFrom": "/app/token"}],
        "dependsOn": [{"containerName": "db", "condition": "HEALTHY"}],
        "startTimeout": 30, "stopTimeout": 20, "versionConsistency": "disabled", "hostname": "app", "user": "1000:1000",
        "workingDirectory": "/srv", "disableNetworking": false, "privileged": false, "readonlyRootFilesystem": true,
        "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["example.com"],
        "extraHosts": [{"hostname": "other", "ipAddress": "10.0.0.3"}],
        "dockerSecurityOptions": ["no-new-privileges"], "interactive": true, "pseudoTerminal": true,
        "dockerLabels": {"com.example": "x"}, "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": -1}],
        "logConfiguration": {
            "logDriver": "awslogs", "options": {"awslogs-group": "/app", "mode": "blocking"},
            "secretOptions": [{"name": "x", "valueFrom": "x"}],
        },
        "healthCheck": {"command": ["CMD", "true"], "startPeriod": 0},
        "systemControls": [{"namespace": "net.core.somaxconn", "value": "10"}],
        "resourceRequirements": [{"type": "GPU", "value": "1"}],
        "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}},
        "credentialSpecs": ["credentialspec:arn:aws:s3:::bucket/spec.json"],
    });
    let db = json!({
        "name": "db", "image": "postgres", "cpu": 0, "memoryReservation": 32, "essential": false,
        "healthCheck": {"command": ["CMD-SHELL", "pg_isready"], "interval": 5, "timeout": 2, "retries": 1},
        "portMappings": [], "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
    });
    json!({
        "family": "web", "taskRoleArn": "arn:aws:iam::000000000000:role/task", "executionRoleArn": "execution",
        "networkMode": "bridge", "containerDefinitions": [app, db],
        "volumes": [
            {"name": "data", "host": {"sourcePath": "/srv/data"}}, {"name": "empty"}, {"name": "scratch", "host": {}},
            {"name": "shared", "dockerVolumeConfiguration": {
                "scope": "shared", "autoprovision": true, "driver": "local", "driverOpts": {"o": "x"}, "labels": {"a": "b"},
            }},
        ],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
        "requiresCompatibilities": ["EC2"], "cpu": "256", "memory": "512", "pidMode": "host", "ipcMode": "none",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}, "enableFaultInjection": false,
    })
}

#[tokio::test]
async fn td11_everything_else_comes_back_as_it_was_sent() {
    let api = TestApi::new().await;
    let mut sent = rich();
    let tags = json!([{"key": "env", "value": "test"}, {"key": "team", "value": "web"}]);
    sent["tags"] = tags.clone();
    let reply = api.ok("RegisterTaskDefinition", sent).await;
    assert_eq!(reply["tags"], tags);
    let included = json!({"taskDefinition": "web:1", "include": ["TAGS"]});
    let described = api.ok("DescribeTaskDefinition", included).await;
    assert_eq!(described, reply);
    let mut shown = described["taskDefinition"].clone();
    for added in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ] {
        assert!(shown.as_object_mut().unwrap().remove(added).is_some(), "{added}");
    }
    assert_eq!(shown, rich());
}

#[tokio::test]
async fn w06_a_definition_that_was_described_can_be_registered_again_unchanged() {
    let api = TestApi::new().await;
    let first = register(&api, rich()).await;
    let mut again = first.clone();
    for added in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ] {
        again.as_object_mut().unwrap().remove(added);
    }
    let mut second = register(&api, again).await;
    second["revision"] = first["revision"].clone();
    second["taskDefinitionArn"] = first["taskDefinitionArn"].clone();
    assert_eq!(second, first);
}

#[tokio::test]
async fn td13_amounts_come_back_as_whole_numbers() {
    let api = TestApi::new().await;
    for (cpu, memory, expected) in [
        ("1 vCPU", "2GB", ("1024", "2048")),
        (".5 vcpu", "0.5 GB", ("512", "512")),
        ("256", "100", ("256", "100")),
    ] {
        let shown = register(&api, web(json!({"cpu": cpu, "memory": memory}), json!({}))).await;
        assert_eq!(
            (shown["cpu"].as_str(), shown["memory"].as_str()),
            (Some(expected.0), Some(expected.1))
        );
    }
}

#[tokio::test]
async fn td10_empty_roles_are_no_roles() {
    let api = TestApi::new().await;
    let shown = register(
        &api,
        web(json!({"taskRoleArn": "", "executionRoleArn": ""}), json!({})),
    )
    .await;
    assert!(shown.get("taskRoleArn").is_none() && shown.get("executionRoleArn").is_none());
}
