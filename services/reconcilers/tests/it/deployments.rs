//! Rolling deployments (section 12).

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::lab::{Behaviour, Lab, counts, is_stable, messages};

/// Plays a rolling update to its end and watches its limits at every step.
async fn roll(lab: &Lab, least_healthy: u64, most: u64) -> Value {
    let desired = lab.service().await["desiredCount"].as_u64().unwrap();
    for _ in 0..400 {
        lab.play_agents().await;
        lab.pass(TimeDelta::seconds(11));
        let tasks = lab.all_tasks().await;
        let alive = tasks
            .iter()
            .filter(|task| task["desiredStatus"] == "RUNNING")
            .count() as u64;
        assert!(alive <= most, "{alive} tasks are more than {most}");
        let healthy = tasks
            .iter()
            .filter(|task| task["desiredStatus"] == "RUNNING" && task["lastStatus"] == "RUNNING")
            .count() as u64;
        assert!(
            healthy >= least_healthy,
            "{healthy} tasks are less than {least_healthy}"
        );
        let service = lab.service().await;
        if is_stable(&service) && counts(&service) == (desired, desired, 0) {
            return service;
        }
    }
    panic!("the deployment does not end: {:#}", lab.service().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn d10_d12_w13_a_new_definition_rolls_out_and_the_old_deployment_leaves_the_list() {
    let lab = Lab::new(2).await;
    lab.create(json!({"desiredCount": 4})).await;
    let before = lab.steady(4).await;
    let updated = lab.update(json!({"taskDefinition": "web:2"})).await;
    let deployments = updated["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 2);
    assert_eq!(
        (&deployments[0]["status"], &deployments[1]["status"]),
        (&json!("PRIMARY"), &json!("ACTIVE"))
    );
    assert_eq!(deployments[1]["id"], before["deployments"][0]["id"]);
    let id = deployments[0]["id"].as_str().unwrap();
    assert_eq!(
        deployments[0]["rolloutStateReason"],
        format!("ECS deployment {id} in progress.")
    );

    let after = roll(&lab, 4, 8).await;
    assert_eq!(after["deployments"][0]["id"], id);
    assert!(after["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    let running = lab
        .all_tasks()
        .await
        .into_iter()
        .filter(|task| task["lastStatus"] == "RUNNING");
    assert!(
        running
            .into_iter()
            .all(|task| task["taskDefinitionArn"].as_str().unwrap().ends_with("web:2"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d01_d02_the_limits_hold_at_every_step_of_an_update() {
    for (desired, least, most, bounds) in [
        (4, 50, 100, (2, 4)),
        (10, 100, 150, (10, 15)),
        (3, 67, 134, (3, 4)),
    ] {
        let lab = Lab::new(3).await;
        let configuration = json!({"minimumHealthyPercent": least, "maximumPercent": most});
        lab.create(json!({"desiredCount": desired, "deploymentConfiguration": configuration}))
            .await;
        lab.steady(desired).await;
        lab.update(json!({"taskDefinition": "web:2"})).await;
        roll(&lab, bounds.0, bounds.1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_force_new_deployment_replaces_all_tasks_by_ones_of_the_same_definition() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 2})).await;
    let before = lab.steady(2).await;
    lab.update(json!({"forceNewDeployment": true})).await;
    let after = roll(&lab, 2, 4).await;
    assert_ne!(after["deployments"][0]["id"], before["deployments"][0]["id"]);
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    assert_eq!(lab.all_tasks().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn d02_limits_that_leave_no_room_are_told() {
    let lab = Lab::new(1).await;
    let configuration = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    lab.create(json!({"desiredCount": 1, "deploymentConfiguration": configuration}))
        .await;
    lab.steady(1).await;
    lab.update(json!({"taskDefinition": "web:2"})).await;
    let stuck = "(service web) was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    let service = lab
        .play_until("it is told", |service| {
            messages(service).iter().any(|text| text == stuck)
        })
        .await;
    assert_eq!(service["deployments"].as_array().unwrap().len(), 2);
    lab.update(json!({"deploymentConfiguration": {"minimumHealthyPercent": 0}}))
        .await;
    roll(&lab, 0, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d20_d22_a_failing_deployment_trips_the_breaker_and_rolls_back() {
    let mut lab = Lab::new(2).await;
    lab.behave(2, Behaviour::FailsToStart);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    lab.create(json!({"desiredCount": 2, "deploymentConfiguration": breaker}))
        .await;
    lab.steady(2).await;
    let failing = lab.update(json!({"taskDefinition": "web:2"})).await["deployments"][0]["id"].clone();
    let failing = failing.as_str().unwrap();
    for _ in 0..400 {
        lab.play_agents().await;
        lab.pass(TimeDelta::seconds(21));
        let service = lab.service().await;
        if is_stable(&service) && service["deployments"][0]["id"] != failing {
            break;
        }
    }
    let service = lab.service().await;
    assert!(is_stable(&service), "{service:#}");
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    let told = messages(&service);
    let failed = format!("(service web) (deployment {failing}) deployment failed: tasks failed to start.");
    assert!(told.contains(&failed), "{told:?}");
    assert!(
        told.iter()
            .any(|text| text.starts_with("(service web) rolling back to deployment ecs-svc/"))
    );
    let failed_tasks = lab
        .all_tasks()
        .await
        .into_iter()
        .filter(|task| task["stopCode"] == "TaskFailedToStart")
        .count();
    assert!(
        (3..=6).contains(&failed_tasks),
        "d20: three failures trip it, {failed_tasks} were made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_without_rollback_a_failed_deployment_stays_and_gets_no_more_tasks() {
    let mut lab = Lab::new(1).await;
    lab.behave(1, Behaviour::FailsToStart);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    lab.create(json!({"desiredCount": 1, "deploymentConfiguration": breaker}))
        .await;
    let failed = |service: &Value| service["deployments"][0]["rolloutState"] == "FAILED";
    for _ in 0..200 {
        lab.play_agents().await;
        lab.pass(TimeDelta::seconds(21));
        if failed(&lab.service().await) {
            break;
        }
    }
    let service = lab.service().await;
    assert_eq!(
        service["deployments"][0]["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    assert_eq!(service["deployments"][0]["failedTasks"], 3, "d18");
    let made = lab.all_tasks().await.len();
    lab.pass(TimeDelta::hours(1));
    let looks = || lab.reconcilers.statuses()[0].looks;
    let before = looks();
    lab.wait("the scheduler looks", |_| looks() > before + 2).await;
    assert_eq!(lab.all_tasks().await.len(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn d13_a_third_definition_replaces_all_former_ones() {
    let mut lab = Lab::new(2).await;
    lab.behave(2, Behaviour::Hangs);
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    lab.update(json!({"taskDefinition": "web:2"})).await;
    lab.play_until("the second one begins", |service| service["pendingCount"] == 2)
        .await;
    crate::lab::register(
        &lab.api,
        json!({"name": "app", "image": "app", "cpu": 128, "memory": 64}),
    )
    .await;
    let service = lab.update(json!({"taskDefinition": "web"})).await;
    let statuses: Vec<&Value> = service["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["status"])
        .collect();
    assert_eq!(statuses, ["PRIMARY", "ACTIVE", "ACTIVE"]);
    let service = roll(&lab, 2, 4).await;
    assert!(
        service["taskDefinition"].as_str().unwrap().ends_with("web:3"),
        "s08: the family's latest"
    );
}
