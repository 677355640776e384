//! What is forgotten, and when (T-05, TD-04, C-03).

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::lab::Lab;

async fn until(lab: &Lab, what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !done().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: {:#?}",
            lab.reconcilers.statuses()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t05_s10_td04_c03_what_is_over_stays_for_the_retention_and_then_goes() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    lab.api
        .ok("DeleteService", json!({"service": "web", "force": true}))
        .await;
    lab.play_until("it is INACTIVE", |service| service["status"] == "INACTIVE")
        .await;
    lab.play_agents().await;
    lab.api
        .ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    lab.api
        .ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]}))
        .await;

    lab.pass(TimeDelta::days(6));
    assert_eq!(lab.service().await["status"], "INACTIVE");
    assert_eq!(lab.all_tasks().await.len(), 2);
    let definition = lab
        .api
        .ok("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    assert_eq!(definition["taskDefinition"]["status"], "DELETE_IN_PROGRESS");

    lab.pass(TimeDelta::days(2));
    until(&lab, "the service goes", async || {
        lab.service().await == Value::Null
    })
    .await;
    assert_eq!(lab.all_tasks().await.len(), 0);
    until(&lab, "the definition goes", async || {
        lab.api
            .call("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}))
            .await
            .is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_never_forgotten() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 1})).await;
    lab.steady(1).await;
    lab.pass(TimeDelta::days(400));
    let reaper = || {
        lab.reconcilers
            .statuses()
            .into_iter()
            .find(|status| status.name == "task_reaper")
            .unwrap()
            .looks
    };
    let before = reaper();
    until(&lab, "the reaper looks", async || reaper() > before + 2).await;
    assert_eq!(lab.all_tasks().await.len(), 1);
    assert_eq!(lab.service().await["deployments"].as_array().unwrap().len(), 1);
}
