//! What replies hold, rule by rule, and that a change is seen by the next call.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use domain::TaskStatus;
use serde_json::{Value, json};
use test_support::{Host, TestApi};

async fn with_host() -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({})).await;
    let containers = json!([
        {"name": "app", "image": "fake/app", "cpu": 64, "memory": 64, "memoryReservation": 32},
        {"name": "side", "image": "fake/side", "memory": 16, "essential": false}]);
    api.ok(
        "RegisterTaskDefinition",
        json!({"family": "web", "containerDefinitions": containers}),
    )
    .await;
    api.host("default", Host::default()).await;
    api
}

async fn run(api: &TestApi, more: Value) -> Value {
    let mut call = json!({"taskDefinition": "web"});
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    api.ok("RunTask", call).await["tasks"][0].clone()
}

async fn describe(api: &TestApi, task: &Value) -> Value {
    api.ok("DescribeTasks", json!({"tasks": [task["taskArn"]]})).await["tasks"][0].clone()
}

#[tokio::test]
async fn c02_a_new_cluster_has_its_counts_lists_and_settings() {
    let api = TestApi::new().await;
    let made = api.ok("CreateCluster", json!({"clusterName": "shop"})).await;
    let expected = json!({
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/shop", "clusterName": "shop", "status": "ACTIVE",
        "registeredContainerInstancesCount": 0, "runningTasksCount": 0, "pendingTasksCount": 0, "activeServicesCount": 0,
        "statistics": [], "tags": [], "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": [], "defaultCapacityProviderStrategy": []});
    assert_eq!(made["cluster"], expected);
}

#[tokio::test]
async fn c05_describing_no_cluster_describes_default_with_what_was_asked_for() {
    let api = with_host().await;
    let task = run(&api, json!({})).await;
    api.report(
        "default",
        task["taskArn"].as_str().unwrap(),
        TaskStatus::Running,
        None,
    )
    .await;
    let plain = api.ok("DescribeClusters", json!({})).await["clusters"][0].clone();
    assert_eq!(
        (&plain["clusterName"], &plain["settings"], &plain["statistics"]),
        (&json!("default"), &json!([]), &json!([]))
    );
    let full = api
        .ok("DescribeClusters", json!({"include": ["SETTINGS", "STATISTICS"]}))
        .await["clusters"][0]
        .clone();
    assert_eq!(full["settings"][0]["name"], "containerInsights");
    let statistic = |name: &str| {
        let found = full["statistics"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pair| pair["name"] == name);
        found.map(|pair| pair["value"].clone())
    };
    assert_eq!(statistic("runningEC2TasksCount"), Some(json!("1")));
    assert_eq!(statistic("pendingEC2TasksCount"), Some(json!("0")));
    assert_eq!(statistic("drainingFargateServiceCount"), Some(json!("0")));
}

#[tokio::test]
async fn c07_overriding_exec_logs_takes_a_log_configuration() {
    let api = TestApi::new().await;
    let with = |logging: &str, configuration: Value| {
        json!({"clusterName": "shop", "configuration": {"executeCommandConfiguration":
            {"logging": logging, "logConfiguration": configuration}}})
    };
    assert_eq!(
        api.refused("CreateCluster", with("OVERRIDE", Value::Null))
            .await
            .code,
        "InvalidParameterException"
    );
    assert_eq!(
        api.refused("CreateCluster", with("DEFAULT", json!({})))
            .await
            .code,
        "InvalidParameterException"
    );
    let made = api
        .ok(
            "CreateCluster",
            with("OVERRIDE", json!({"cloudWatchLogGroupName": "exec"})),
        )
        .await;
    assert_eq!(
        made["cluster"]["configuration"]["executeCommandConfiguration"]["logging"],
        "OVERRIDE"
    );
}

#[tokio::test]
async fn i01_i06_i07_an_instance_is_active_counts_its_tasks_and_its_version_rises() {
    let api = with_host().await;
    let arn = api.ok("ListContainerInstances", json!({})).await["containerInstanceArns"][0].clone();
    let shown = async || {
        api.ok("DescribeContainerInstances", json!({"containerInstances": [arn]}))
            .await["containerInstances"][0]
            .clone()
    };
    let before = shown().await;
    assert_eq!(
        (
            &before["status"],
            &before["runningTasksCount"],
            &before["pendingTasksCount"]
        ),
        (&json!("ACTIVE"), &json!(0), &json!(0))
    );
    let task = run(&api, json!({})).await;
    let pending = shown().await;
    assert_eq!(pending["pendingTasksCount"], 1);
    assert!(pending["version"].as_i64() > before["version"].as_i64());
    api.report(
        "default",
        task["taskArn"].as_str().unwrap(),
        TaskStatus::Running,
        None,
    )
    .await;
    assert_eq!(shown().await["runningTasksCount"], 1);
}

#[tokio::test]
async fn t04_a_tasks_version_begins_at_one_and_rises_with_each_change() {
    let api = with_host().await;
    let task = run(&api, json!({})).await;
    assert_eq!(task["version"], 1);
    let mut last = 1;
    for status in [TaskStatus::Running, TaskStatus::Stopped] {
        api.report("default", task["taskArn"].as_str().unwrap(), status, Some(0))
            .await;
        let version = describe(&api, &task).await["version"].as_i64().unwrap();
        assert!(version > last, "{status}");
        last = version;
    }
}

#[tokio::test]
async fn t07_t08_t11_t12_t13_containers_and_overrides_of_a_task_have_the_apis_words_and_types() {
    let api = with_host().await;
    let task = run(&api, json!({"overrides": {"cpu": "128", "memory": "128"}})).await;
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("128"), &json!("128")));
    let container = &task["containers"][0];
    assert_eq!(
        (
            &container["cpu"],
            &container["memory"],
            &container["memoryReservation"]
        ),
        (&json!("64"), &json!("64"), &json!("32"))
    );
    assert_eq!(
        (&container["lastStatus"], &container["networkBindings"]),
        (&json!("PENDING"), &json!([]))
    );
    assert!(container.get("exitCode").is_none(), "t33");
    assert_eq!(
        task["overrides"]["containerOverrides"],
        json!([{"name": "app"}, {"name": "side"}])
    );
    assert_eq!(
        (&task["launchType"], task.get("capacityProviderName")),
        (&json!("EC2"), None)
    );
    assert_eq!(task["connectivity"], "CONNECTED");
}

#[tokio::test]
async fn t20_t21_group_and_started_by_are_the_callers_within_their_limits() {
    let api = with_host().await;
    assert_eq!(run(&api, json!({})).await["group"], "family:web");
    let task = run(&api, json!({"group": "nightly", "startedBy": "cron/nightly_1"})).await;
    assert_eq!(
        (&task["group"], &task["startedBy"]),
        (&json!("nightly"), &json!("cron/nightly_1"))
    );
    for bad in [
        json!({"startedBy": "a b"}),
        json!({"startedBy": "a".repeat(129)}),
        json!({"group": "g".repeat(256)}),
    ] {
        let mut call = bad.clone();
        call["taskDefinition"] = json!("web");
        assert_eq!(
            api.refused("RunTask", call).await.code,
            "InvalidParameterException",
            "{bad}"
        );
    }
    let with_others = json!({"startedBy": "x", "family": "web"});
    assert_eq!(
        api.refused("ListTasks", with_others).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn r07_a_definition_for_fargate_only_does_not_start_on_ec2() {
    let api = with_host().await;
    let definition = json!({"family": "far", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{"name": "app", "image": "x"}]});
    api.ok("RegisterTaskDefinition", definition).await;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let call = json!({"taskDefinition": "far", "launchType": "FARGATE", "networkConfiguration": network});
    assert_eq!(
        api.refused("RunTask", call).await.code,
        "InvalidParameterException"
    );
    let call = json!({"taskDefinition": "web", "launchType": "EC2", "platformVersion": "1.4.0"});
    assert_eq!(
        api.refused("RunTask", call).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn r10_run_task_propagates_tags_of_the_definition_only() {
    let api = with_host().await;
    let refused = api
        .refused(
            "RunTask",
            json!({"taskDefinition": "web", "propagateTags": "SERVICE"}),
        )
        .await;
    assert_eq!(refused.code, "InvalidParameterException");
    assert_eq!(
        run(&api, json!({"propagateTags": "TASK_DEFINITION"})).await["tags"],
        json!([])
    );
}

#[tokio::test]
async fn r11_what_a_call_changed_the_next_call_sees() {
    let api = with_host().await;
    for _ in 0..10 {
        let task = run(&api, json!({})).await;
        let listed = api.ok("ListTasks", json!({})).await;
        assert!(listed["taskArns"].as_array().unwrap().contains(&task["taskArn"]));
        api.ok("StopTask", json!({"task": task["taskArn"]})).await;
        let listed = api.ok("ListTasks", json!({})).await;
        assert!(!listed["taskArns"].as_array().unwrap().contains(&task["taskArn"]));
    }
}

#[tokio::test]
async fn r14_volumes_are_configured_only_if_the_definition_says_so() {
    let api = with_host().await;
    let volume = json!({"name": "data", "managedEBSVolume": {"roleArn": "arn:aws:iam::000000000000:role/ebs", "sizeInGiB": 10}});
    let refused = api
        .refused(
            "RunTask",
            json!({"taskDefinition": "web", "volumeConfigurations": [volume]}),
        )
        .await;
    assert_eq!(refused.code, "InvalidParameterException");
}
