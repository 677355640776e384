//! Launch types that a definition fits (TD-12, TD-23 to TD-25).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{all_accepted, all_refused, merge, register, web};

const CPU: &str = "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

/// A definition that fits Fargate, with changes.
fn fargate(task: Value, container: Value) -> Value {
    let mut all = json!({"networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"]});
    merge(&mut all, task);
    web(all, container)
}

#[tokio::test]
async fn td12_compatibilities_follow_from_the_definition() {
    let api = TestApi::new().await;
    let sized = json!({"networkMode": "awsvpc", "cpu": "256", "memory": "512"});
    let with = |more: Value| {
        let mut all = sized.clone();
        merge(&mut all, more);
        all
    };
    let efs = json!([{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]);
    let cases = [
        (json!({}), json!({}), vec!["EXTERNAL", "EC2"]),
        (json!({"networkMode": "host"}), json!({}), vec!["EXTERNAL", "EC2"]),
        (
            json!({"networkMode": "host", "cpu": "256", "memory": "512"}),
            json!({}),
            vec!["EXTERNAL", "EC2", "MANAGED_INSTANCES"],
        ),
        (json!({"networkMode": "awsvpc"}), json!({}), vec!["EC2"]),
        (
            sized.clone(),
            json!({}),
            vec!["EC2", "FARGATE", "MANAGED_INSTANCES"],
        ),
        (
            with(json!({"memory": "717"})),
            json!({}),
            vec!["EC2", "MANAGED_INSTANCES"],
        ),
        (
            with(json!({"requiresCompatibilities": ["EC2", "FARGATE"]})),
            json!({}),
            vec!["EC2", "FARGATE", "MANAGED_INSTANCES"],
        ),
        (
            sized.clone(),
            json!({"privileged": true}),
            vec!["EC2", "MANAGED_INSTANCES"],
        ),
        (
            with(json!({"ephemeralStorage": {"sizeInGiB": 21}})),
            json!({}),
            vec!["FARGATE"],
        ),
        (json!({"volumes": efs}), json!({}), vec!["EC2"]),
    ];
    for (task, container, expected) in cases {
        let shown = register(&api, web(task.clone(), container)).await;
        assert_eq!(shown["compatibilities"], json!(expected), "{task}");
    }
}

#[tokio::test]
async fn td12_what_is_required_must_fit() {
    let api = TestApi::new().await;
    all_refused(
        &api,
        vec![
            (
                web(
                    json!({"requiresCompatibilities": ["EXTERNAL"], "networkMode": "awsvpc"}),
                    json!({}),
                ),
                "EXTERNAL",
            ),
            (
                web(
                    json!({"requiresCompatibilities": ["MANAGED_INSTANCES"]}),
                    json!({}),
                ),
                "MANAGED_INSTANCES",
            ),
            (
                fargate(
                    json!({"requiresCompatibilities": ["EC2", "FARGATE"], "networkMode": "bridge"}),
                    json!({}),
                ),
                "Fargate only supports network mode",
            ),
            (
                fargate(
                    json!({"requiresCompatibilities": ["EC2"], "ephemeralStorage": {"sizeInGiB": 30}}),
                    json!({}),
                ),
                "Tasks using the EC2 launch type do not support EphemeralStorage",
            ),
            (
                web(json!({"ephemeralStorage": {"sizeInGiB": 30}}), json!({})),
                "Tasks using the EC2 launch type do not support EphemeralStorage",
            ),
            (
                web(json!({"requiresCompatibilities": ["EC2", "EC2"]}), json!({})),
                "requiresCompatibilities",
            ),
        ],
    )
    .await;
}

/// CPU units with all memory sizes that Fargate has for them.
fn sizes() -> Vec<(i64, Vec<i64>)> {
    let steps = |first: i64, last: i64, step: usize| (first..=last).step_by(step).collect::<Vec<i64>>();
    vec![
        (256, vec![512, 1024, 2048]),
        (512, steps(1024, 4096, 1024)),
        (1024, steps(2048, 8192, 1024)),
        (2048, steps(4096, 16_384, 1024)),
        (4096, steps(8192, 30_720, 1024)),
        (8192, steps(16_384, 61_440, 4096)),
        (16_384, steps(32_768, 122_880, 8192)),
        (32_768, vec![61_440, 122_880, 249_856]),
    ]
}

#[tokio::test]
async fn td23_every_fargate_size_is_accepted_and_its_neighbours_are_not() {
    let api = TestApi::new().await;
    let small = json!({"memory": null});
    let (mut refused, mut accepted) = (Vec::new(), Vec::new());
    let mut texts = Vec::new();
    for (cpu, memories) in sizes() {
        for memory in &memories {
            accepted.push(fargate(
                json!({"cpu": cpu.to_string(), "memory": memory.to_string()}),
                small.clone(),
            ));
            for wrong in [memory - 1, memory + 1, memory - 512, memory + 512]
                .into_iter()
                .filter(|n| !memories.contains(n) && *n > 0)
            {
                texts.push(format!(
                    "No Fargate configuration exists for given values: {cpu} CPU, {wrong} memory"
                ));
                refused.push(fargate(
                    json!({"cpu": cpu.to_string(), "memory": wrong.to_string()}),
                    small.clone(),
                ));
            }
        }
    }
    for (body, text) in refused.into_iter().zip(texts) {
        let refusal = api.refused("RegisterTaskDefinition", body).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message),
            ("ClientException", text)
        );
    }
    all_accepted(&api, accepted).await;
}

#[tokio::test]
async fn td23_a_missing_or_impossible_cpu_is_refused() {
    let api = TestApi::new().await;
    for cpu in [
        Value::Null,
        json!("128"),
        json!("300"),
        json!("65536"),
        json!("lots"),
    ] {
        let refusal = api
            .refused("RegisterTaskDefinition", fargate(json!({"cpu": cpu}), json!({})))
            .await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("ClientException", CPU),
            "{cpu}"
        );
    }
}

#[tokio::test]
async fn td24_what_fargate_does_not_have_is_refused_there_and_accepted_elsewhere() {
    let api = TestApi::new().await;
    let volume = |configuration: Value| json!({"volumes": [configuration]});
    let linux = |parameters: Value| json!({"linuxParameters": parameters});
    let cases: Vec<(Value, Value, &str)> = vec![
        (json!({"ipcMode": "task"}), json!({}), "ipcMode"),
        (
            json!({"pidMode": "host"}),
            json!({}),
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
        ),
        (
            json!({"placementConstraints": [{"type": "memberOf", "expression": "task:group == x"}]}),
            json!({}),
            "constraints",
        ),
        (
            volume(json!({"name": "v", "host": {"sourcePath": "/x"}})),
            json!({}),
            "sourcePath",
        ),
        (
            volume(json!({"name": "v", "dockerVolumeConfiguration": {}})),
            json!({}),
            "dockerVolumeConfiguration",
        ),
        (
            json!({}),
            json!({"privileged": true}),
            "Fargate requires that the 'privileged' setting be 'false'",
        ),
        (
            json!({}),
            json!({"dockerSecurityOptions": ["no-new-privileges"]}),
            "dockerSecurityOptions",
        ),
        (
            json!({}),
            json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]}),
            "GPU",
        ),
        (
            json!({}),
            linux(json!({"devices": [{"hostPath": "/dev/x"}]})),
            "devices",
        ),
        (
            json!({}),
            linux(json!({"sharedMemorySize": 64})),
            "sharedMemorySize",
        ),
        (
            json!({}),
            linux(json!({"tmpfs": [{"containerPath": "/x", "size": 1}]})),
            "tmpfs",
        ),
        (json!({}), linux(json!({"maxSwap": 1})), "maxSwap"),
        (
            json!({}),
            linux(json!({"maxSwap": 1, "swappiness": 1})),
            "maxSwap",
        ),
        (
            json!({}),
            linux(json!({"capabilities": {"add": ["SYS_PTRACE", "NET_ADMIN"]}})),
            "NET_ADMIN is not allowed on Fargate.",
        ),
        (json!({}), json!({"stopTimeout": 121}), "stopTimeout"),
        (json!({}), json!({"startTimeout": 121}), "startTimeout"),
        (
            json!({}),
            json!({"logConfiguration": {"logDriver": "json-file"}}),
            "json-file is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
        ),
    ];
    let refused = cases
        .iter()
        .map(|(task, container, text)| (fargate(task.clone(), container.clone()), *text))
        .collect();
    all_refused(&api, refused).await;
    for (task, container, _) in cases {
        let mut elsewhere = task.clone();
        merge(&mut elsewhere, json!({"requiresCompatibilities": ["EC2"]}));
        let shown = register(&api, fargate(elsewhere, container)).await;
        assert!(
            !shown["compatibilities"]
                .as_array()
                .unwrap()
                .contains(&json!("FARGATE")),
            "{task}"
        );
    }
}

#[tokio::test]
async fn td24_awsvpc_itself_rules_out_what_needs_a_network_of_its_own() {
    let api = TestApi::new().await;
    let cases = [
        json!({"links": ["app"]}),
        json!({"dnsServers": ["10.0.0.2"]}),
        json!({"dnsSearchDomains": ["x"]}),
        json!({"disableNetworking": true}),
        json!({"extraHosts": [{"hostname": "x", "ipAddress": "10.0.0.1"}]}),
    ];
    all_refused(
        &api,
        cases
            .into_iter()
            .map(|c| (fargate(json!({}), c), "when networkMode=awsvpc"))
            .collect(),
    )
    .await;
}

#[tokio::test]
async fn td24_fargate_needs_an_execution_role_for_images_logs_and_secrets() {
    let api = TestApi::new().await;
    let logs = |options: Value| json!({"logConfiguration": {"logDriver": "awslogs", "options": options}});
    let whole = json!({"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"});
    let ecr = json!({"image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:1"});
    let role = json!({"executionRoleArn": "arn:aws:iam::000000000000:role/execution"});
    all_refused(
        &api,
        vec![
            (
                fargate(json!({}), ecr.clone()),
                "Fargate requires task definition to have execution role ARN to support ECR images.",
            ),
            (
                fargate(json!({}), logs(whole.clone())),
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ),
            (
                fargate(json!({}), json!({"secrets": [{"name": "A", "valueFrom": "a"}]})),
                "executionRoleArn",
            ),
            (
                fargate(
                    json!({}),
                    json!({"repositoryCredentials": {"credentialsParameter": "x"}}),
                ),
                "executionRoleArn",
            ),
            (
                fargate(
                    role.clone(),
                    logs(json!({"awslogs-group": "g", "awslogs-region": "us-east-1"})),
                ),
                "Fargate requires log configuration options to include awslogs-stream-prefix.",
            ),
        ],
    )
    .await;
    all_accepted(&api, vec![fargate(role.clone(), ecr), fargate(role, logs(whole))]).await;
}

#[tokio::test]
async fn td25_ephemeral_storage_has_21_to_200_gib() {
    let api = TestApi::new().await;
    let sized = |size: i32| fargate(json!({"ephemeralStorage": {"sizeInGiB": size}}), json!({}));
    all_refused(
        &api,
        vec![
            (sized(20), "EphemeralStorage size should be at least 21"),
            (sized(201), "EphemeralStorage size should be at most 200"),
        ],
    )
    .await;
    all_accepted(&api, vec![sized(21), sized(200)]).await;
}
