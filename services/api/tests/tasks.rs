//! RunTask, StartTask, StopTask, DescribeTasks and ListTasks on a database of their own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use domain::TaskStatus;
use serde_json::{Value, json};
use test_support::{Host, TestApi};

async fn with_definition(definition: Value) -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({})).await;
    api.ok("RegisterTaskDefinition", definition).await;
    api
}

fn web() -> Value {
    json!({"family": "web", "containerDefinitions": [{"name": "app", "image": "fake/app", "cpu": 512, "memory": 512}]})
}

fn arns(reply: &Value) -> Vec<String> {
    let tasks = reply["tasks"].as_array().unwrap();
    tasks
        .iter()
        .map(|task| task["taskArn"].as_str().unwrap().to_owned())
        .collect()
}

fn reasons(reply: &Value) -> Vec<&str> {
    reply["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["reason"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn r01_run_task_starts_what_fits_and_names_what_does_not() {
    let api = with_definition(web()).await;
    let host = api.host("default", Host::sized(1024, 4096)).await;
    let reply = api
        .ok("RunTask", json!({"taskDefinition": "web", "count": 3}))
        .await;
    assert_eq!(arns(&reply).len(), 2);
    assert_eq!(reasons(&reply), ["RESOURCE:CPU"]);
    assert!(
        reply["failures"][0]["arn"]
            .as_str()
            .unwrap()
            .ends_with(&format!("container-instance/default/{host}"))
    );
    let task = &reply["tasks"][0];
    assert_eq!(task["lastStatus"], "PENDING");
    assert_eq!(task["desiredStatus"], "RUNNING");
    assert_eq!(task["group"], "family:web");
    assert_eq!(task["version"], 1);
    assert_eq!(task["containers"][0]["lastStatus"], "PENDING");
    assert_eq!(task["containers"][0]["cpu"], "512", "t11 strings in tasks");
    assert_eq!(task["overrides"]["containerOverrides"][0]["name"], "app", "t13");
    assert_eq!(
        task["overrides"]["inferenceAcceleratorOverrides"],
        json!([]),
        "t13"
    );
    assert_eq!(task["attributes"][0]["name"], "ecs.cpu-architecture", "t14");
    assert_eq!(task["tags"], json!([]));
}

#[tokio::test]
async fn r02_each_kind_of_shortage_has_its_reason() {
    let table = [
        (json!({"cpu": 4096, "memory": 16}), "RESOURCE:CPU"),
        (json!({"cpu": 1, "memory": 8192}), "RESOURCE:MEMORY"),
        (
            json!({"memory": 16, "portMappings": [{"containerPort": 80, "hostPort": 22}]}),
            "RESOURCE:PORTS",
        ),
        (
            json!({"memory": 16, "resourceRequirements": [{"type": "GPU", "value": "1"}]}),
            "RESOURCE:GPU",
        ),
        (
            json!({"memory": 16, "logConfiguration": {"logDriver": "splunk"}}),
            "ATTRIBUTE",
        ),
    ];
    for (mut container, reason) in table {
        container["name"] = json!("app");
        container["image"] = json!("fake/app");
        let api = with_definition(json!({"family": "web", "containerDefinitions": [container]})).await;
        api.host("default", Host::default()).await;
        let reply = api.ok("RunTask", json!({"taskDefinition": "web"})).await;
        assert_eq!((arns(&reply).len(), reasons(&reply)), (0, vec![reason]));
    }
}

#[tokio::test]
async fn r03_a_cluster_without_instances_is_an_error() {
    let api = with_definition(web()).await;
    let refusal = api.refused("RunTask", json!({"taskDefinition": "web"})).await;
    assert_eq!(refusal.code, "InvalidParameterException");
    assert_eq!(
        refusal.message,
        "No Container Instances were found in your cluster."
    );
}

#[tokio::test]
async fn r05_launch_type_and_capacity_provider_strategy_exclude_each_other() {
    let api = with_definition(web()).await;
    let both = json!({"taskDefinition": "web", "launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "x"}]});
    let refusal = api.refused("RunTask", both).await;
    assert_eq!(
        refusal.message,
        "Specify either Launch Type or Capacity Provider Strategy, but not both."
    );
}

#[tokio::test]
async fn r06_network_configuration_belongs_to_awsvpc() {
    let api = with_definition(web()).await;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let refusal = api
        .refused(
            "RunTask",
            json!({"taskDefinition": "web", "networkConfiguration": network}),
        )
        .await;
    assert_eq!(
        refusal.message,
        "Network Configuration is not valid for the given networkMode of this task definition."
    );
    let container = json!([{"name": "app", "image": "fake/app", "memory": 16}]);
    let definition = json!({"family": "vpc", "networkMode": "awsvpc", "containerDefinitions": container});
    api.ok("RegisterTaskDefinition", definition).await;
    let refusal = api.refused("RunTask", json!({"taskDefinition": "vpc"})).await;
    assert_eq!(
        refusal.message,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    );
}

#[tokio::test]
async fn r08_overrides_name_containers_of_the_definition() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let over = |name: &str| json!({"taskDefinition": "web", "overrides": {"containerOverrides": [{"name": name, "cpu": 64}]}});
    let refusal = api.refused("RunTask", over("nobody")).await;
    assert_eq!(
        refusal.message,
        "Override for container named nobody is not a container in the TaskDefinition."
    );
    let reply = api.ok("RunTask", over("app")).await;
    assert_eq!(reply["tasks"][0]["containers"][0]["cpu"], "64");
    assert_eq!(reply["tasks"][0]["overrides"]["containerOverrides"][0]["cpu"], 64);
}

#[tokio::test]
async fn r09_a_token_replayed_in_parallel_has_one_effect() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let call = json!({"taskDefinition": "web", "count": 2, "clientToken": "abc"});
    let replies = futures::future::join_all((0..8).map(|_| api.ok("RunTask", call.clone()))).await;
    let all: BTreeSet<Vec<String>> = replies
        .iter()
        .map(|reply| {
            let mut a = arns(reply);
            a.sort();
            a
        })
        .collect();
    assert_eq!(all.len(), 1, "{all:?}");
    let listed = api.ok("ListTasks", json!({})).await;
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 2);
    let mut other = call;
    other["count"] = json!(1);
    let refusal = api.refused("RunTask", other).await;
    assert_eq!(refusal.code, "ConflictException");
}

#[tokio::test]
async fn r09_a_token_is_replayed_although_the_definition_is_gone_by_now() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let call = json!({"taskDefinition": "web", "clientToken": "abc"});
    let first = arns(&api.ok("RunTask", call.clone()).await);
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    assert_eq!(arns(&api.ok("RunTask", call).await), first);
    let other = json!({"taskDefinition": "web", "clientToken": "other"});
    assert_eq!(api.refused("RunTask", other).await.code, "ClientException");
}

#[tokio::test]
async fn r12_start_task_goes_to_the_named_instances() {
    let api = with_definition(web()).await;
    let (one, two) = (
        api.host("default", Host::default()).await,
        api.host("default", Host::sized(100, 100)).await,
    );
    let missing = "0123456789abcdef0123456789abcdef";
    let call =
        json!({"taskDefinition": "web", "containerInstances": [one.to_string(), two.to_string(), missing]});
    let reply = api.ok("StartTask", call).await;
    assert_eq!(arns(&reply).len(), 1);
    assert!(
        reply["tasks"][0]["containerInstanceArn"]
            .as_str()
            .unwrap()
            .ends_with(&one.to_string())
    );
    let mut reasons = reasons(&reply);
    reasons.sort_unstable();
    assert_eq!(reasons, ["MISSING", "RESOURCE:CPU"]);
}

#[tokio::test]
async fn i03_resources_are_held_until_the_task_is_stopped() {
    let api = with_definition(web()).await;
    api.host("default", Host::sized(512, 512)).await;
    let first = arns(&api.ok("RunTask", json!({"taskDefinition": "web"})).await).remove(0);
    let full = api.ok("RunTask", json!({"taskDefinition": "web"})).await;
    assert_eq!(reasons(&full), ["RESOURCE:CPU"]);
    api.report("default", &first, TaskStatus::Running, None).await;
    api.ok("StopTask", json!({"task": first})).await;
    let stopping = api.ok("RunTask", json!({"taskDefinition": "web"})).await;
    assert_eq!(
        reasons(&stopping),
        ["RESOURCE:CPU"],
        "a stopping task holds its resources"
    );
    api.report("default", &first, TaskStatus::Stopped, Some(143))
        .await;
    assert_eq!(
        arns(&api.ok("RunTask", json!({"taskDefinition": "web"})).await).len(),
        1
    );
}

#[tokio::test]
async fn t34_t40_stop_task_keeps_the_first_cause_and_may_be_repeated() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let task = arns(&api.ok("RunTask", json!({"taskDefinition": "web"})).await).remove(0);
    let reply = api
        .ok("StopTask", json!({"task": task, "reason": "enough"}))
        .await;
    assert_eq!(reply["task"]["desiredStatus"], "STOPPED");
    assert_eq!(
        (&reply["task"]["stopCode"], &reply["task"]["stoppedReason"]),
        (&json!("UserInitiated"), &json!("enough"))
    );
    let again = api
        .ok("StopTask", json!({"task": task, "reason": "really"}))
        .await;
    assert_eq!(again["task"]["stoppedReason"], "enough");
    assert_eq!(again["task"]["version"], reply["task"]["version"]);
    let refusal = api
        .refused("StopTask", json!({"task": "0123456789abcdef0123456789abcdef"}))
        .await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("InvalidParameterException", "The referenced task was not found.")
    );
}

#[tokio::test]
async fn t02_list_tasks_filters_by_desired_status() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let tasks = arns(
        &api.ok(
            "RunTask",
            json!({"taskDefinition": "web", "count": 3, "startedBy": "me"}),
        )
        .await,
    );
    api.ok("StopTask", json!({"task": tasks[0]})).await;
    let count = async |filter: Value| {
        api.ok("ListTasks", filter).await["taskArns"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        count(json!({})).await,
        2,
        "RUNNING by default, PENDING ones included"
    );
    assert_eq!(count(json!({"desiredStatus": "STOPPED"})).await, 1);
    assert_eq!(count(json!({"desiredStatus": "PENDING"})).await, 0);
    assert_eq!(count(json!({"startedBy": "me"})).await, 2);
    assert_eq!(count(json!({"startedBy": "you"})).await, 0);
    assert_eq!(count(json!({"family": "web"})).await, 2);
    assert_eq!(
        count(json!({"family": "we"})).await,
        0,
        "a family is matched exactly"
    );
    let refusal = api
        .refused("ListTasks", json!({"startedBy": "me", "family": "web"}))
        .await;
    assert_eq!(refusal.code, "InvalidParameterException", "t21");
}

#[tokio::test]
async fn w11_pages_of_tasks_end_without_a_token() {
    let api = with_definition(
        json!({"family": "web", "containerDefinitions": [{"name": "a", "image": "fake/a", "memory": 8}]}),
    )
    .await;
    api.host("default", Host::default()).await;
    api.ok("RunTask", json!({"taskDefinition": "web", "count": 5}))
        .await;
    let (mut seen, mut token) = (BTreeSet::new(), Value::Null);
    loop {
        let reply = api
            .ok("ListTasks", json!({"maxResults": 2, "nextToken": token}))
            .await;
        seen.extend(
            reply["taskArns"]
                .as_array()
                .unwrap()
                .iter()
                .map(|arn| arn.as_str().unwrap().to_owned()),
        );
        match reply.get("nextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn w10_missing_tasks_are_failures_and_other_tenants_see_nothing() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let task = arns(&api.ok("RunTask", json!({"taskDefinition": "web"})).await).remove(0);
    let reply = api
        .ok(
            "DescribeTasks",
            json!({"tasks": [task, "0123456789abcdef0123456789abcdef"]}),
        )
        .await;
    assert_eq!((arns(&reply).len(), reasons(&reply)), (1, vec!["MISSING"]));
    let other = api.elsewhere("111111111111", "us-east-1");
    assert_eq!(
        other
            .refused("DescribeTasks", json!({"tasks": [task]}))
            .await
            .code,
        "ClusterNotFoundException"
    );
    other.ok("CreateCluster", json!({})).await;
    let id = task.rsplit('/').next().unwrap();
    assert_eq!(
        reasons(&other.ok("DescribeTasks", json!({"tasks": [task, id]})).await),
        ["MISSING", "MISSING"]
    );
    assert_eq!(
        other.refused("StopTask", json!({"task": id})).await.message,
        "The referenced task was not found."
    );
    let still = api.ok("DescribeTasks", json!({"tasks": [task]})).await;
    assert_eq!(still["tasks"][0]["desiredStatus"], "RUNNING");
}

#[tokio::test]
async fn tg04_tg05_tasks_get_managed_and_propagated_tags() {
    let mut definition = web();
    definition["tags"] = json!([{"key": "team", "value": "a"}, {"key": "cost", "value": "1"}]);
    let api = with_definition(definition).await;
    api.host("default", Host::default()).await;
    let call = json!({"taskDefinition": "web", "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true,
        "tags": [{"key": "team", "value": "b"}]});
    let task = arns(&api.ok("RunTask", call).await).remove(0);
    let shown = api
        .ok("DescribeTasks", json!({"tasks": [task], "include": ["TAGS"]}))
        .await;
    let tags = json!([
        {"key": "aws:ecs:clusterName", "value": "default"}, {"key": "cost", "value": "1"}, {"key": "team", "value": "b"}]);
    assert_eq!(shown["tasks"][0]["tags"], tags);
    assert_eq!(
        api.ok("DescribeTasks", json!({"tasks": [task]})).await["tasks"][0]["tags"],
        json!([]),
        "tg06"
    );
    let refusal = api
        .refused(
            "RunTask",
            json!({"taskDefinition": "web", "propagateTags": "SERVICE"}),
        )
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
}

#[tokio::test]
async fn c04_c06_a_cluster_with_tasks_counts_them_and_cannot_be_deleted() {
    let api = with_definition(web()).await;
    api.host("default", Host::default()).await;
    let task = arns(
        &api.ok("RunTask", json!({"taskDefinition": "web", "count": 2}))
            .await,
    )
    .remove(0);
    api.report("default", &task, TaskStatus::Running, None).await;
    let shown = api.ok("DescribeClusters", json!({})).await;
    let cluster = &shown["clusters"][0];
    assert_eq!(cluster["runningTasksCount"], 1);
    assert_eq!(cluster["pendingTasksCount"], 1);
    assert_eq!(cluster["registeredContainerInstancesCount"], 1);
    let refusal = api.refused("DeleteCluster", json!({"cluster": "default"})).await;
    assert_eq!(refusal.code, "ClusterContainsContainerInstancesException");
}
