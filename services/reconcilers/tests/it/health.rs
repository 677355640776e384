//! Tasks with health checks (D-03, S-30 to S-33).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{HealthStatus, TaskId};
use serde_json::{Value, json};

use crate::lab::{Lab, counts, is_stable, messages, register};

/// A lab with `web:3`, whose container has a health check, and a service of it.
async fn checked(desired: u64) -> Lab {
    let lab = Lab::new(2).await;
    let check = json!({"command": ["CMD", "true"]});
    register(
        &lab.api,
        json!({"name": "app", "image": "app", "cpu": 128, "memory": 64, "healthCheck": check}),
    )
    .await;
    lab.create(json!({"desiredCount": desired, "taskDefinition": "web:3"}))
        .await;
    lab
}

/// The agent of the task's host says how its container is.
async fn say(lab: &Lab, task: &Value, health: HealthStatus) {
    let id = |member: &str| {
        task[member]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let task: TaskId = id("taskArn").parse().unwrap();
    let instance: domain::ContainerInstanceId = id("containerInstanceArn").parse().unwrap();
    let healths = BTreeMap::from([(task.uuid(), BTreeMap::from([("app".to_owned(), health)]))]);
    let known = store::task_reports::apply_health(&lab.api.db(), instance.uuid(), &healths)
        .await
        .unwrap();
    assert_eq!(known, [task.uuid()]);
}

async fn running(lab: &Lab) -> Vec<Value> {
    lab.all_tasks()
        .await
        .into_iter()
        .filter(|task| task["lastStatus"] == "RUNNING")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn d03_a_task_with_a_check_is_healthy_when_it_says_so_and_not_before() {
    let lab = checked(2).await;
    lab.play_until("tasks run", |service| counts(service) == (2, 2, 0))
        .await;
    lab.pass(TimeDelta::hours(1));
    let looks = || lab.reconcilers.statuses()[0].looks;
    let before = looks();
    let service = lab.wait("the scheduler looks", |_| looks() > before + 2).await;
    assert!(!is_stable(&service));
    for task in running(&lab).await {
        say(&lab, &task, HealthStatus::Healthy).await;
    }
    lab.wait("the deployment is over", is_stable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_s31_s33_an_unhealthy_task_is_replaced_before_it_is_stopped() {
    let lab = checked(2).await;
    lab.play_until("tasks run", |service| counts(service) == (2, 2, 0))
        .await;
    for task in running(&lab).await {
        say(&lab, &task, HealthStatus::Healthy).await;
    }
    lab.wait("the deployment is over", is_stable).await;
    let bad = running(&lab).await.remove(0);
    say(&lab, &bad, HealthStatus::Unhealthy).await;
    lab.play_until("another starts first", |service| service["runningCount"] == 3)
        .await;
    for task in running(&lab)
        .await
        .iter()
        .filter(|task| task["taskArn"] != bad["taskArn"])
    {
        say(&lab, task, HealthStatus::Healthy).await;
    }
    let service = lab
        .play_until("the bad one goes", |service| counts(service) == (2, 2, 0))
        .await;
    let id = bad["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let told = format!("(service web) (task {id}) failed container health checks.");
    assert!(messages(&service).contains(&told), "{:#?}", messages(&service));
    let reply = lab.api.ok("DescribeTasks", json!({"tasks": [id]})).await;
    assert_eq!(reply["tasks"][0]["stopCode"], "ServiceSchedulerInitiated");
    assert_eq!(
        reply["tasks"][0]["stoppedReason"],
        "Task failed container health checks"
    );
}
