//! Attributes that a host must have (TD-14).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::TestApi;

use super::{register, web};

/// The attributes of a definition less the one that all have, `name` or `name=value`.
async fn required(api: &TestApi, body: Value) -> BTreeSet<String> {
    let shown = register(api, body).await;
    let all = shown["requiresAttributes"].as_array().unwrap().clone();
    let text = |attribute: &Value| match attribute.get("value") {
        Some(value) => format!(
            "{}={}",
            attribute["name"].as_str().unwrap(),
            value.as_str().unwrap()
        ),
        None => attribute["name"].as_str().unwrap().to_owned(),
    };
    let mut names: BTreeSet<String> = all.iter().map(text).collect();
    assert!(names.remove("com.amazonaws.ecs.capability.docker-remote-api.1.18"));
    names
}

async fn check(api: &TestApi, cases: Vec<(Value, Value, &[&str])>) {
    for (task, container, expected) in cases {
        let body = web(task, container);
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(required(api, body.clone()).await, expected, "{body}");
    }
}

#[tokio::test]
async fn td14_members_of_the_task_need_capabilities() {
    let api = TestApi::new().await;
    let role = "arn:aws:iam::000000000000:role/x";
    let volume = |configuration: Value| json!({"volumes": [configuration]});
    let mount = json!({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]});
    check(&api, vec![
        (json!({}), json!({}), &[]),
        (json!({"networkMode": "awsvpc"}), json!({}), &["ecs.capability.task-eni", "com.amazonaws.ecs.capability.docker-remote-api.1.21"]),
        (json!({"taskRoleArn": role}), json!({}), &["com.amazonaws.ecs.capability.task-iam-role"]),
        (json!({"taskRoleArn": role, "networkMode": "host"}), json!({}), &["com.amazonaws.ecs.capability.task-iam-role-network-host"]),
        (json!({"executionRoleArn": role}), json!({}), &[]),
        (json!({"pidMode": "host", "ipcMode": "none"}), json!({}), &[]),
        (json!({"pidMode": "task"}), json!({}), &["ecs.capability.pid-ipc-namespace-sharing"]),
        (json!({"ipcMode": "task"}), json!({}), &["ecs.capability.pid-ipc-namespace-sharing"]),
        (json!({"cpu": "10240", "memory": "64"}), json!({}), &[]),
        (json!({"cpu": "10241"}), json!({}), &["ecs.capability.increased-task-cpu-limit"]),
        (json!({"enableFaultInjection": false}), json!({}), &[]),
        (json!({"enableFaultInjection": true}), json!({}), &["ecs.capability.fault-injection"]),
        (json!({"inferenceAccelerators": [{"deviceName": "x", "deviceType": "y"}]}), json!({}), &["ecs.capability.task-eia"]),
        (json!({"runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}}), json!({}), &[]),
        (json!({"runtimePlatform": {"cpuArchitecture": "ARM64"}}), json!({}), &["ecs.cpu-architecture=arm64"]),
        (json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}), json!({}), &["ecs.os-type=windows"]),
        (volume(json!({"name": "v", "host": {"sourcePath": "/x"}})), json!({}), &[]),
        (volume(json!({"name": "v", "dockerVolumeConfiguration": {}})), json!({}), &["ecs.capability.docker-plugin.local"]),
        (volume(json!({"name": "v", "dockerVolumeConfiguration": {"driver": "rexray/ebs"}})), json!({}), &["ecs.capability.docker-plugin.rexray/ebs"]),
        (volume(json!({"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}})), json!({}), &["ecs.capability.efs"]),
        (volume(json!({"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}})), json!({}), &["ecs.capability.efs", "ecs.capability.efsAuth"]),
        (volume(json!({"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "arn:x"}})), json!({}), &["ecs.capability.storage.s3-files"]),
        (volume(json!({"name": "v", "configuredAtLaunch": true})), mount, &["ecs.capability.storage.ebs-task-volume-attach"]),
    ])
    .await;
    let proxy = web(
        json!({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app"}}),
        json!({}),
    );
    assert!(required(&api, proxy).await.contains("ecs.capability.aws-appmesh"));
    let fsx = json!({"fileSystemId": "fs-1", "rootDirectory": "x", "authorizationConfig": {"credentialsParameter": "x", "domain": "x"}});
    let fsx = web(
        volume(json!({"name": "v", "fsxWindowsFileServerVolumeConfiguration": fsx})),
        json!({}),
    );
    assert!(
        required(&api, fsx)
            .await
            .contains("ecs.capability.fsxWindowsFileServer")
    );
}

#[tokio::test]
async fn td14_members_of_containers_need_capabilities() {
    let api = TestApi::new().await;
    let file = |value: &str| json!({"environmentFiles": [{"type": "s3", "value": value}]});
    check(&api, vec![
        (json!({}), json!({"privileged": true}), &["com.amazonaws.ecs.capability.privileged-container"]),
        (json!({}), json!({"privileged": false}), &[]),
        (json!({}), json!({"healthCheck": {"command": ["CMD", "true"]}}), &["ecs.capability.container-health-check"]),
        (json!({}), json!({"stopTimeout": 5}), &["ecs.capability.container-ordering"]),
        (json!({}), json!({"restartPolicy": {"enabled": true}}), &["ecs.capability.container-restart-policy"]),
        (json!({}), json!({"restartPolicy": {"enabled": false}}), &[]),
        (json!({}), json!({"portMappings": [{"containerPortRange": "1-2"}]}), &["ecs.capability.network.container-port-range"]),
        (json!({}), json!({"dockerSecurityOptions": ["no-new-privileges"]}), &[]),
        (json!({}), json!({"dockerSecurityOptions": ["label:type:x"]}), &["com.amazonaws.ecs.capability.selinux"]),
        (json!({}), json!({"dockerSecurityOptions": ["apparmor:x"]}), &["com.amazonaws.ecs.capability.apparmor"]),
        (json!({}), json!({"credentialSpecs": ["credentialspec:arn:aws:s3:::b/x"]}), &["ecs.capability.gmsa"]),
        (json!({}), json!({"credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::b/x"]}), &["ecs.capability.gmsa-domainless"]),
        (json!({}), file("arn:aws:s3:::b/x.env"), &["ecs.capability.env-files.s3"]),
        (json!({}), file("/x.env"), &["ecs.capability.env-files.url"]),
        (json!({}), file("http://h/x.env"), &["ecs.capability.env-files.url"]),
        (json!({}), json!({"firelensConfiguration": {"type": "fluentd"}}), &["ecs.capability.firelens.fluentd"]),
        (json!({}), json!({"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "file", "config-file-value": "/x"}}}), &["ecs.capability.firelens.fluentbit", "ecs.capability.firelens.options.config.file"]),
    ])
    .await;
    let mut ordered = web(
        json!({}),
        json!({"dependsOn": [{"containerName": "b", "condition": "START"}]}),
    );
    ordered["containerDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "b", "image": "x", "memory": 6}));
    assert!(
        required(&api, ordered)
            .await
            .contains("ecs.capability.container-ordering")
    );
}

#[tokio::test]
async fn td14_images_logs_and_secrets_need_capabilities_of_the_role_too() {
    let api = TestApi::new().await;
    let role = json!({"executionRoleArn": "arn:aws:iam::000000000000:role/x"});
    let ecr = json!({"image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:1"});
    let logs =
        |driver: &str, options: Value| json!({"logConfiguration": {"logDriver": driver, "options": options}});
    let secret = |value: &str| json!({"secrets": [{"name": "A", "valueFrom": value}]});
    let asm = "arn:aws:secretsmanager:us-east-1:000000000000:secret:x-AbCdEf";
    let bootstrap = json!({"logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "a", "valueFrom": asm}, {"name": "b", "valueFrom": "b"}]}});
    check(
        &api,
        vec![
            (json!({}), ecr.clone(), &["com.amazonaws.ecs.capability.ecr-auth"]),
            (
                role.clone(),
                ecr,
                &[
                    "com.amazonaws.ecs.capability.ecr-auth",
                    "ecs.capability.execution-role-ecr-pull",
                ],
            ),
            (
                json!({}),
                logs("json-file", json!({})),
                &["com.amazonaws.ecs.capability.logging-driver.json-file"],
            ),
            (
                json!({}),
                logs("awslogs", json!({"awslogs-group": "g"})),
                &[
                    "com.amazonaws.ecs.capability.logging-driver.awslogs",
                    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
                ],
            ),
            (
                role.clone(),
                logs("awslogs", json!({"awslogs-group": "g"})),
                &[
                    "com.amazonaws.ecs.capability.logging-driver.awslogs",
                    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
                    "ecs.capability.execution-role-awslogs",
                ],
            ),
            (
                json!({}),
                bootstrap,
                &[
                    "com.amazonaws.ecs.capability.logging-driver.splunk",
                    "ecs.capability.secrets.asm.bootstrap.log-driver",
                    "ecs.capability.secrets.ssm.bootstrap.log-driver",
                ],
            ),
            (
                role.clone(),
                secret(asm),
                &["ecs.capability.secrets.asm.environment-variables"],
            ),
            (
                role.clone(),
                secret("/x"),
                &["ecs.capability.secrets.ssm.environment-variables"],
            ),
            (
                role,
                json!({"repositoryCredentials": {"credentialsParameter": "x"}}),
                &["ecs.capability.private-registry-authentication.secretsmanager"],
            ),
        ],
    )
    .await;
}
