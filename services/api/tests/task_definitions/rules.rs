//! What is refused, and what is just accepted (TD-20 to TD-22, TD-29 to TD-31, TD-35 to TD-39, K-08).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{all_accepted, all_refused, app_cases, apps, merge, of, web};

#[tokio::test]
async fn td20_a_definition_needs_a_family_and_one_to_ten_named_containers() {
    let api = TestApi::new().await;
    let many = |count: usize| of((0..count).map(|n| json!({"name": format!("c{n}")})).collect());
    all_refused(
        &api,
        vec![
            (web(json!({"family": ""}), json!({})), "Family"),
            (web(json!({"family": "a b"}), json!({})), "Family"),
            (web(json!({"family": "a".repeat(256)}), json!({})), "Family"),
            (of(json!([])), "Container list cannot be empty"),
            (many(11), "Too many containers"),
            (
                web(json!({}), json!({"name": null})),
                "Container.name should not be null or empty.",
            ),
            (
                web(json!({}), json!({"name": ""})),
                "Container.name should not be null or empty.",
            ),
            (web(json!({}), json!({"name": "a b"})), "Container.name"),
            (
                web(json!({}), json!({"image": null})),
                "Container.image should not be null or empty.",
            ),
            (
                web(json!({}), json!({"image": ""})),
                "Container.image should not be null or empty.",
            ),
            (
                of(json!([{"name": "a"}, {"name": "a"}])),
                "Container names must be unique",
            ),
            (of(json!([{"name": "a", "essential": false}])), "essential"),
        ],
    )
    .await;
    for missing in ["family", "containerDefinitions"] {
        let refusal = api
            .refused("RegisterTaskDefinition", web(json!({missing: null}), json!({})))
            .await;
        assert_eq!(refusal.code, "InvalidParameterException", "{missing}");
    }
    all_accepted(
        &api,
        vec![
            many(10),
            of(json!([{"name": "a", "essential": false}, {"name": "b"}])),
        ],
    )
    .await;
}

#[tokio::test]
async fn td21_memory_must_be_given_and_add_up() {
    let api = TestApi::new().await;
    let none = "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.";
    let two = |first: Value, second: Value, task: Value| {
        let mut all = of(json!([first, second]));
        merge(&mut all, task);
        all
    };
    all_refused(
        &api,
        vec![
            (web(json!({}), json!({"memory": null})), none),
            (
                web(
                    json!({"requiresCompatibilities": ["EXTERNAL"]}),
                    json!({"memory": null}),
                ),
                none,
            ),
            (
                web(json!({}), json!({"memory": 5})),
                "'memory' must be at least 6 MiB",
            ),
            (
                web(json!({}), json!({"memory": 0})),
                "'memory' must be at least 6 MiB",
            ),
            (
                web(json!({}), json!({"memory": 64, "memoryReservation": 65})),
                "'memory' must be greater than",
            ),
            (
                web(json!({"memory": "63"}), json!({})),
                "The 'memory' setting for container 'app' is greater than for the task",
            ),
            (
                two(
                    json!({"name": "a"}),
                    json!({"name": "b"}),
                    json!({"memory": "127"}),
                ),
                "memory",
            ),
            (
                two(
                    json!({"name": "a", "cpu": 100}),
                    json!({"name": "b", "cpu": 100}),
                    json!({"cpu": "199"}),
                ),
                "The sum of all container 'cpu' values",
            ),
            (
                web(json!({"memory": "5"}), json!({"memory": null})),
                "Invalid 'memory' setting for task.",
            ),
        ],
    )
    .await;
    all_accepted(
        &api,
        vec![
            web(json!({}), json!({"memory": null, "memoryReservation": 6})),
            web(json!({}), json!({"memory": 6})),
            web(json!({"memory": "64"}), json!({"memory": null})),
            two(
                json!({"name": "a"}),
                json!({"name": "b"}),
                json!({"memory": "128"}),
            ),
            two(
                json!({"name": "a", "memoryReservation": 6}),
                json!({"name": "b"}),
                json!({"memory": "70"}),
            ),
            two(
                json!({"name": "a", "cpu": 100}),
                json!({"name": "b", "cpu": 100}),
                json!({"cpu": "200"}),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn td22_cpu_has_bounds() {
    let api = TestApi::new().await;
    let cpu = "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
    all_refused(
        &api,
        vec![
            (web(json!({"cpu": "127"}), json!({})), cpu),
            (web(json!({"cpu": "196609"}), json!({})), cpu),
            (web(json!({"cpu": "0.5"}), json!({})), cpu),
            (web(json!({}), json!({"cpu": -1})), "'cpu'"),
            (web(json!({}), json!({"cpu": 262_145})), "'cpu'"),
        ],
    )
    .await;
    all_accepted(
        &api,
        vec![
            web(json!({"cpu": "128"}), json!({})),
            web(json!({"cpu": "196608"}), json!({})),
            web(json!({}), json!({"cpu": 262_144})),
        ],
    )
    .await;
}

#[tokio::test]
async fn td29_health_checks_have_ranges() {
    let api = TestApi::new().await;
    let check = |more: Value| {
        let mut check = json!({"command": ["CMD-SHELL", "true"]});
        merge(&mut check, more);
        json!({"healthCheck": check})
    };
    let ranges = [
        ("interval", 5, 300),
        ("timeout", 2, 60),
        ("retries", 1, 10),
        ("startPeriod", 0, 300),
    ];
    let mut refused = vec![
        (check(json!({"command": []})), "healthCheck"),
        (check(json!({"command": ["CMD"]})), "healthCheck"),
        (check(json!({"command": ["CMD-SHELL"]})), "healthCheck"),
        (check(json!({"command": [""]})), "healthCheck"),
        (check(json!({"command": ["curl", "localhost"]})), "healthCheck"),
        (check(json!({"command": ["CMD-SHELL", "a", "b"]})), "healthCheck"),
    ];
    let commands = [
        json!(["NONE"]),
        json!(["CMD", "true"]),
        json!(["CMD-SHELL", "true"]),
        json!(["curl -f localhost"]),
    ];
    let mut accepted: Vec<Value> = commands
        .map(|command| check(json!({"command": command})))
        .to_vec();
    for (setting, least, most) in ranges {
        refused.extend([least - 1, most + 1].map(|value| (check(json!({setting: value})), setting)));
        accepted.extend([least, most].map(|value| check(json!({setting: value}))));
    }
    all_refused(&api, app_cases(refused)).await;
    all_accepted(&api, apps(accepted)).await;
}

#[tokio::test]
async fn td30_dependencies_must_be_possible() {
    let api = TestApi::new().await;
    let healthy = json!({"command": ["CMD", "true"]});
    let on = |condition: &str, other: Value| {
        let mut second = json!({"name": "b"});
        merge(&mut second, other);
        of(json!([{"name": "a", "dependsOn": [{"containerName": "b", "condition": condition}]}, second]))
    };
    let wants = |name: &str, other: &str| json!({"name": name, "dependsOn": [{"containerName": other, "condition": "START"}]});
    all_refused(
        &api,
        vec![
            (
                of(json!([wants("a", "c")])),
                "Cannot depend on container c because it does not exist",
            ),
            (of(json!([wants("a", "a")])), "cycle"),
            (
                of(json!([wants("a", "b"), wants("b", "c"), wants("c", "a")])),
                "cycle: a, b, c",
            ),
            (
                of(json!([{"name": "a", "links": ["b"]}, wants("b", "a")])),
                "cycle",
            ),
            (
                on("HEALTHY", json!({})),
                "A dependency container with HEALTHY condition must have health check configured",
            ),
            (
                on("HEALTHY", json!({"healthCheck": {"command": ["NONE"]}})),
                "HEALTHY",
            ),
            (on("COMPLETE", json!({})), "cannot be an essential container"),
            (
                on("SUCCESS", json!({"essential": true})),
                "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
            ),
        ],
    )
    .await;
    all_accepted(
        &api,
        vec![
            on("START", json!({})),
            on("HEALTHY", json!({"healthCheck": healthy})),
            on("COMPLETE", json!({"essential": false})),
            on("SUCCESS", json!({"essential": false})),
            of(json!([wants("a", "b"), wants("b", "c"), {"name": "c"}])),
        ],
    )
    .await;
}

#[tokio::test]
async fn td31_placement_constraints_are_expressions_of_the_query_language() {
    let api = TestApi::new().await;
    let with = |constraints: Value| web(json!({"placementConstraints": constraints}), json!({}));
    let zone = |zone: &str| json!({"type": "memberOf", "expression": format!("attribute:ecs.availability-zone == {zone}")});
    let long = json!({"type": "memberOf", "expression": format!("attribute:x == {}", "y".repeat(1990))});
    all_refused(
        &api,
        vec![
            (
                with(json!([{"type": "memberOf", "expression": "attribute:x ="}])),
                "Invalid placement constraint expression",
            ),
            (
                with(json!([{"type": "memberOf"}])),
                "Invalid placement constraint expression",
            ),
            (with(json!([{"expression": "attribute:x == y"}])), "type"),
            (with(json!([long])), "2000 characters"),
            (with(json!(vec![zone("a"); 11])), "at most 10"),
        ],
    )
    .await;
    let refusal = api
        .refused(
            "RegisterTaskDefinition",
            with(json!([{"type": "distinctInstance"}])),
        )
        .await;
    assert_eq!(refusal.code, "InvalidParameterException", "memberOf only");
    all_accepted(&api, vec![with(json!(vec![zone("a"); 10]))]).await;
}

#[tokio::test]
async fn td35_a_shared_ipc_namespace_has_no_kernel_parameters_of_a_container() {
    let api = TestApi::new().await;
    let with = |mode: Value, namespace: &str| {
        web(
            json!({"ipcMode": mode}),
            json!({"systemControls": [{"namespace": namespace, "value": "1"}]}),
        )
    };
    all_refused(
        &api,
        vec![
            (
                with(json!("host"), "kernel.shmmax"),
                "not supported when ipcMode=host",
            ),
            (
                with(json!("task"), "kernel.shmmax"),
                "not supported when ipcMode=task",
            ),
            (
                web(
                    json!({}),
                    json!({"systemControls": [{"namespace": "kernel.shmmax"}]}),
                ),
                "namespace and a value",
            ),
        ],
    )
    .await;
    all_accepted(
        &api,
        vec![
            with(Value::Null, "kernel.shmmax"),
            with(json!("none"), "kernel.shmmax"),
            with(json!("host"), "net.core.somaxconn"),
            web(json!({"pidMode": "task", "ipcMode": "task"}), json!({})),
        ],
    )
    .await;
}

#[tokio::test]
async fn td36_a_restart_policy_has_a_period_and_at_most_fifty_exit_codes() {
    let api = TestApi::new().await;
    let policy = |more: Value| {
        let mut policy = json!({"enabled": true});
        merge(&mut policy, more);
        json!({"restartPolicy": policy})
    };
    let codes = |count: usize| policy(json!({"ignoredExitCodes": vec![1; count]}));
    all_refused(
        &api,
        app_cases(vec![
            (
                policy(json!({"restartAttemptPeriod": 59})),
                "must be between 60 and 1800",
            ),
            (
                policy(json!({"restartAttemptPeriod": 1801})),
                "must be between 60 and 1800",
            ),
            (codes(51), "at most 50 exit codes"),
        ]),
    )
    .await;
    let good = vec![
        policy(json!({"restartAttemptPeriod": 60})),
        policy(json!({"restartAttemptPeriod": 1800})),
        codes(50),
        policy(json!({})),
    ];
    all_accepted(&api, apps(good)).await;
}

#[tokio::test]
async fn td37_credential_specs_and_firelens_have_one_place() {
    let api = TestApi::new().await;
    let spec = "credentialspec:arn:aws:s3:::bucket/spec.json";
    let router = |options: Value| json!({"firelensConfiguration": {"type": "fluentbit", "options": options}});
    let two = of(json!([
        {"name": "a", "firelensConfiguration": {"type": "fluentd"}}, {"name": "b", "firelensConfiguration": {"type": "fluentd"}},
    ]));
    let mut refused = app_cases(vec![
        (json!({"credentialSpecs": [spec, spec]}), "at most one"),
        (
            json!({"credentialSpecs": ["arn:aws:s3:::bucket/spec.json"]}),
            "credentialspec:",
        ),
        (
            router(json!({"config-file-type": "http", "config-file-value": "x"})),
            "s3 or file",
        ),
        (router(json!({"config-file-type": "file"})), "config-file-value"),
        (router(json!({"enable-ecs-log-metadata": "yes"})), "true or false"),
        (
            json!({"logConfiguration": {"logDriver": "awsfirelens"}}),
            "a firelens configuration object must be specified",
        ),
    ]);
    refused.push((two, "Only one container"));
    all_refused(&api, refused).await;
    all_accepted(&api, apps(vec![
        json!({"credentialSpecs": [spec]}),
        json!({"credentialSpecs": ["credentialspecdomainless:arn:aws:ssm:us-east-1:000000000000:parameter/x"]}),
        router(json!({"config-file-type": "file", "config-file-value": "/x.conf", "enable-ecs-log-metadata": "false"})),
    ]))
    .await;
}

#[tokio::test]
async fn td38_images_and_log_options_have_forms() {
    let api = TestApi::new().await;
    let logs = |options: Value| json!({"logConfiguration": {"logDriver": "awslogs", "options": options}});
    all_refused(&api, app_cases(vec![
        (json!({"image": "a".repeat(256)}), "'image'"),
        (logs(json!({})), "Log driver awslogs requires options: awslogs-group"),
        (logs(json!({"awslogs-group": "g", "mode": "fast"})), "blocking or non-blocking"),
        (logs(json!({"awslogs-group": "g", "awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "x"})), "exclude each other"),
    ]))
    .await;
    all_accepted(
        &api,
        apps(vec![
            json!({"image": "a".repeat(255)}),
            logs(json!({"awslogs-group": "g", "mode": "non-blocking"})),
        ]),
    )
    .await;
}

#[tokio::test]
async fn td39_gpus_are_whole() {
    let api = TestApi::new().await;
    let gpus = |values: Vec<&str>| {
        let all: Vec<Value> = values
            .into_iter()
            .map(|value| json!({"type": "GPU", "value": value}))
            .collect();
        json!({"resourceRequirements": all})
    };
    let bad = ["0", "-1", "0.5", "all", ""].map(|value| (gpus(vec![value]), "GPU"));
    let mut refused = bad.to_vec();
    refused.push((gpus(vec!["1", "1"]), "once"));
    refused.push((
        json!({"resourceRequirements": [{"type": "InferenceAccelerator", "value": "x"}]}),
        "inference accelerator",
    ));
    all_refused(&api, app_cases(refused)).await;
    let device = json!({"inferenceAccelerators": [{"deviceName": "x", "deviceType": "eia2.medium"}]});
    let with_device = web(
        device,
        json!({"resourceRequirements": [{"type": "InferenceAccelerator", "value": "x"}]}),
    );
    all_accepted(&api, vec![web(json!({}), gpus(vec!["4"])), with_device]).await;
}

#[tokio::test]
async fn k08_linux_parameters_and_limits_are_possible_ones() {
    let api = TestApi::new().await;
    let linux = |parameters: Value| json!({"linuxParameters": parameters});
    let ulimit =
        |soft: i32, hard: i32| json!({"ulimits": [{"name": "nofile", "softLimit": soft, "hardLimit": hard}]});
    let mut refused = app_cases(vec![
        (
            linux(json!({"swappiness": 101, "maxSwap": 1})),
            "between 0 and 100",
        ),
        (linux(json!({"swappiness": 60})), "'swappiness' needs 'maxSwap'"),
        (linux(json!({"maxSwap": -1})), "must not be negative"),
        (linux(json!({"sharedMemorySize": 0})), "at least 1 MiB"),
        (
            linux(json!({"capabilities": {"add": ["CAP_FLY"]}})),
            "not a Linux capability",
        ),
        (linux(json!({"devices": [{"hostPath": "dev"}]})), "absolute"),
        (
            linux(json!({"tmpfs": [{"containerPath": "run", "size": 1}]})),
            "absolute",
        ),
        (
            linux(json!({"tmpfs": [{"containerPath": "/run", "size": 0}]})),
            "at least 1 MiB",
        ),
        (ulimit(2, 1), "hard limit"),
        (ulimit(-1, 1), "hard limit"),
        (json!({"startTimeout": -1}), "negative"),
        (json!({"stopTimeout": -1}), "negative"),
        (json!({"command": vec!["x"; 1001]}), "at most 1000 entries"),
    ]);
    refused.push((
        web(json!({"taskRoleArn": "not a role"}), json!({})),
        "Role is not valid",
    ));
    refused.push((
        web(
            json!({"executionRoleArn": "arn:aws:iam::000000000000:user/x"}),
            json!({}),
        ),
        "Role is not valid",
    ));
    all_refused(&api, refused).await;
    let good = vec![
        linux(json!({"swappiness": 0, "maxSwap": 0})),
        ulimit(1, 1),
        ulimit(1, -1),
        ulimit(-1, -1),
    ];
    all_accepted(&api, apps(good)).await;
}
