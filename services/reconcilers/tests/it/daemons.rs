//! DAEMON services (S-60, S-61).

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Host;

use crate::lab::{Lab, counts, is_stable};

fn hosts_of(tasks: &[Value]) -> BTreeSet<String> {
    let running = tasks.iter().filter(|task| task["desiredStatus"] == "RUNNING");
    running
        .map(|task| task["containerInstanceArn"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_each_instance_runs_one_task_and_new_ones_get_theirs() {
    let lab = Lab::new(3).await;
    lab.api
        .host("default", Host::default().with("stack", "other"))
        .await;
    lab.create(json!({
        "schedulingStrategy": "DAEMON",
        "placementConstraints": [{"type": "memberOf", "expression": "not(attribute:stack exists)"}]
    }))
    .await;
    lab.steady(3).await;
    assert_eq!(hosts_of(&lab.all_tasks().await).len(), 3);
    lab.api.host("default", Host::default()).await;
    lab.steady(4).await;
    assert_eq!(hosts_of(&lab.all_tasks().await).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_dr01_a_draining_instance_loses_its_daemon() {
    let lab = Lab::new(2).await;
    lab.create(json!({"schedulingStrategy": "DAEMON"})).await;
    lab.steady(2).await;
    let instances = lab.api.ok("ListContainerInstances", json!({})).await["containerInstanceArns"].clone();
    let body = json!({"containerInstances": [instances[0]], "status": "DRAINING"});
    lab.api.ok("UpdateContainerInstancesState", body).await;
    lab.steady(1).await;
    assert_eq!(
        hosts_of(&lab.all_tasks().await),
        BTreeSet::from([instances[1].as_str().unwrap().to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s61_an_update_stops_the_old_task_of_a_host_before_it_starts_the_new_one() {
    let lab = Lab::new(3).await;
    lab.create(
        json!({"schedulingStrategy": "DAEMON", "deploymentConfiguration": {"minimumHealthyPercent": 60}}),
    )
    .await;
    lab.steady(3).await;
    lab.update(json!({"taskDefinition": "web:2"})).await;
    for _ in 0..400 {
        let alive: Vec<Value> = lab
            .all_tasks()
            .await
            .into_iter()
            .filter(|task| task["lastStatus"] != "STOPPED")
            .collect();
        assert!(alive.len() <= 3);
        let wanted = alive
            .iter()
            .filter(|task| task["desiredStatus"] == "RUNNING")
            .count();
        assert!(wanted >= 2, "three hosts, 60 percent: one may be down");
        lab.play_agents().await;
        lab.pass(TimeDelta::seconds(41));
        let service = lab.service().await;
        if is_stable(&service) && counts(&service) == (3, 3, 0) {
            return;
        }
    }
    panic!("the update does not end: {:#}", lab.service().await);
}
