//! Hosts that are lost, that drain, and that come back (S-34, DR-01, DR-02).

use chrono::TimeDelta;
use domain::ContainerInstanceId;
use serde_json::{Value, json};
use test_support::Host;

use crate::lab::{Lab, counts};

fn host_of(task: &Value) -> ContainerInstanceId {
    task["containerInstanceArn"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_tasks_of_a_lost_host_are_replaced_elsewhere() {
    let lab = Lab::new(2).await;
    lab.create(json!({"desiredCount": 4})).await;
    lab.steady(4).await;
    let lost = host_of(&lab.all_tasks().await[0]);
    lab.disconnect(lost).await;
    lab.pass(TimeDelta::minutes(1));
    lab.wait("the host's tasks are given up", |service| {
        counts(service) == (4, 2, 2)
    })
    .await;
    lab.steady(4).await;
    let all = lab.all_tasks().await;
    for task in all.iter().filter(|task| host_of(task) == lost) {
        assert_eq!(task["lastStatus"], "STOPPED");
        assert_eq!(task["stopCode"], "TerminationNotice");
        assert_eq!(
            task["stoppedReason"],
            format!("Host EC2 (instance {lost}) terminated.")
        );
    }
    assert_eq!(
        all.iter().filter(|task| task["lastStatus"] == "RUNNING").count(),
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_a_host_that_comes_back_in_time_keeps_its_tasks() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    let host = host_of(&lab.all_tasks().await[0]);
    lab.disconnect(host).await;
    lab.connected(host).await;
    lab.pass(TimeDelta::hours(1));
    let looks = looks(&lab);
    while self::looks(&lab) < looks + 3 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(counts(&lab.service().await), (2, 2, 0));
    assert_eq!(lab.all_tasks().await.len(), 2);
}

/// How often the watcher has looked.
fn looks(lab: &Lab) -> u64 {
    lab.reconcilers
        .statuses()
        .iter()
        .find(|status| status.name == "host_watcher")
        .unwrap()
        .looks
}

#[tokio::test(flavor = "multi_thread")]
async fn dr01_draining_moves_tasks_of_services_and_leaves_others() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    let standalone =
        lab.api.ok("RunTask", json!({"taskDefinition": "web:1"})).await["tasks"][0]["taskArn"].clone();
    lab.play_agents().await;
    let instances = lab.api.ok("ListContainerInstances", json!({})).await["containerInstanceArns"].clone();
    let body = json!({"containerInstances": instances, "status": "DRAINING"});
    lab.api.ok("UpdateContainerInstancesState", body).await;
    let other = lab.api.host("default", Host::sized(2048, 4096)).await;
    lab.play_until("others start first", |service| service["runningCount"] == 4)
        .await;
    lab.pass(TimeDelta::seconds(41));
    lab.steady(2).await;
    for task in lab.all_tasks().await {
        if task["taskArn"] == standalone {
            assert_eq!(task["lastStatus"], "RUNNING");
        } else {
            assert_eq!(
                task["lastStatus"] == "RUNNING",
                host_of(&task) == other,
                "{task:#}"
            );
        }
    }
}
