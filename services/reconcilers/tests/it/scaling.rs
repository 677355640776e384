//! Counts: from nothing to many, up, down, and after losses (section 11).

use chrono::TimeDelta;
use domain::TaskStatus;
use serde_json::{Value, json};
use test_support::Host;

use crate::lab::{Behaviour, Lab, counts, messages, outline};

#[tokio::test(flavor = "multi_thread")]
async fn s20_s23_s52_a_service_starts_its_tasks_in_one_batch_and_becomes_steady() {
    let lab = Lab::new(4).await;
    lab.create(json!({"desiredCount": 40})).await;
    let placed = |service: &Value| counts(service) == (40, 0, 40) && !messages(service).is_empty();
    let service = lab.wait("tasks are placed", placed).await;
    assert!(messages(&service)[0].starts_with("(service web) has started 40 tasks: (task "));
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");

    lab.play_until("tasks run", |service| counts(service) == (40, 40, 0))
        .await;
    let service = lab.steady(40).await;
    let id = service["deployments"][0]["id"].as_str().unwrap();
    assert_eq!(
        service["deployments"][0]["rolloutStateReason"],
        format!("ECS deployment {id} completed."),
        "d16"
    );
    let told = outline(&service);
    assert_eq!(
        told[told.len() - 2..],
        [
            "(service web) has reached a steady state.",
            "(service web) (deployment _) deployment completed."
        ]
    );

    let tasks = lab.all_tasks().await;
    assert_eq!(tasks.len(), 40);
    for task in tasks {
        assert_eq!(task["startedBy"], id, "s21");
        assert_eq!(task["group"], "service:web", "t20");
        assert_eq!(task["launchType"], "EC2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s50_d14_scaling_out_and_in_keeps_the_deployment() {
    let lab = Lab::new(2).await;
    lab.create(json!({"desiredCount": 2})).await;
    let before = lab.steady(2).await;
    lab.update(json!({"desiredCount": 5})).await;
    lab.steady(5).await;
    lab.update(json!({"desiredCount": 1})).await;
    let after = lab.steady(1).await;
    assert_eq!(
        after["deployments"][0]["id"], before["deployments"][0]["id"],
        "s07"
    );
    let stopped: Vec<_> = lab
        .all_tasks()
        .await
        .into_iter()
        .filter(|task| task["lastStatus"] == "STOPPED")
        .collect();
    assert_eq!(stopped.len(), 4);
    let id = after["deployments"][0]["id"].as_str().unwrap();
    for task in stopped {
        assert_eq!(task["stopCode"], "ServiceSchedulerInitiated");
        assert_eq!(
            task["stoppedReason"],
            format!("Scaling activity initiated by (deployment {id})")
        );
    }
    assert!(
        messages(&after)
            .iter()
            .any(|text| text.starts_with("(service web) has stopped 4 running tasks: (task "))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t44_k01_a_task_that_ends_or_is_stopped_by_hand_is_replaced() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    let tasks = lab.all_tasks().await;
    lab.api.ok("StopTask", json!({"task": tasks[0]["taskArn"]})).await;
    lab.api
        .report(
            "default",
            tasks[1]["taskArn"].as_str().unwrap(),
            TaskStatus::Stopped,
            Some(0),
        )
        .await;
    lab.steady(2).await;
    let all = lab.all_tasks().await;
    assert_eq!(all.len(), 4);
    assert_eq!(
        all.iter().filter(|task| task["lastStatus"] == "STOPPED").count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s42_s43_what_finds_no_host_is_told_once_and_placed_when_one_comes() {
    let lab = Lab::new(0).await;
    lab.create(json!({"desiredCount": 20})).await;
    let service = lab
        .wait("the failure is told", |service| !messages(service).is_empty())
        .await;
    let guide = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
    assert_eq!(
        messages(&service),
        [format!(
            "(service web) was unable to place a task because no container instance met all of its requirements. \
             Reason: No Container Instances were found in your cluster. {guide}"
        )]
    );
    let host = lab.api.host("default", Host::sized(2048, 4096)).await;
    let told = |service: &Value, what: &str| messages(service).iter().any(|text| text.contains(what));
    lab.wait("as many as fit are placed", |service| {
        counts(service) == (20, 0, 16) && told(service, "has started 16 tasks")
    })
    .await;
    lab.pass(TimeDelta::minutes(2));
    let service = lab
        .wait("the shortage is told", |service| messages(service).len() == 3)
        .await;
    assert_eq!(
        messages(&service)[2],
        format!(
            "(service web) was unable to place a task because no container instance met all of its requirements. \
             The closest matching (container-instance {host}) has insufficient CPU units available. {guide}"
        )
    );
    lab.api.host("default", Host::sized(2048, 4096)).await;
    let service = lab.steady(20).await;
    let complaints = messages(&service)
        .iter()
        .filter(|text| text.contains("unable to place"))
        .count();
    assert_eq!(complaints, 2, "s11: the same is not said again");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_deleted_service_drains_ends_and_leaves_its_name() {
    let lab = Lab::new(1).await;
    lab.create(json!({"desiredCount": 3, "tags": [{"key": "team", "value": "a"}]}))
        .await;
    lab.steady(3).await;
    let refusal = lab.api.refused("DeleteService", json!({"service": "web"})).await;
    assert_eq!(
        refusal.message,
        "The service cannot be stopped while it is scaled above 0."
    );
    let deleted = lab
        .api
        .ok("DeleteService", json!({"service": "web", "force": true}))
        .await;
    assert_eq!(deleted["service"]["status"], "DRAINING");
    assert_eq!(
        lab.api.ok("ListServices", json!({})).await["serviceArns"],
        json!([])
    );
    let refusal = lab
        .api
        .refused(
            "CreateService",
            json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 0}),
        )
        .await;
    assert_eq!(
        refusal.message,
        "Unable to Start a service that is still Draining."
    );
    let gone = lab
        .play_until("it is INACTIVE", |service| service["status"] == "INACTIVE")
        .await;
    assert_eq!(gone["deployments"], json!([]));
    assert!(
        lab.all_tasks()
            .await
            .iter()
            .all(|task| task["desiredStatus"] == "STOPPED")
    );
    let refusal = lab.api.refused("UpdateService", json!({"service": "web"})).await;
    assert_eq!(refusal.code, "ServiceNotActiveException");

    let again = lab.create(json!({"desiredCount": 1})).await;
    assert_eq!(again["status"], "ACTIVE");
    assert_eq!(again["tags"], json!([]), "the tags went with the old service");
    lab.steady(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_attempts_that_never_reach_running_slow_down_and_go_on() {
    let mut lab = Lab::new(1).await;
    lab.behave(1, Behaviour::FailsToStart);
    lab.create(json!({"desiredCount": 1})).await;
    let impaired = "(service web) is unable to consistently start tasks successfully.";
    let mut attempts = 0;
    while !messages(&lab.service().await).iter().any(|text| text == impaired) {
        attempts += 1;
        assert!(attempts < 200, "it is never told");
        lab.play_agents().await;
        lab.pass(TimeDelta::seconds(10));
    }
    let service = lab.service().await;
    assert_eq!(
        messages(&service).iter().filter(|text| *text == impaired).count(),
        1,
        "s11"
    );
    lab.behave(1, Behaviour::Runs);
    lab.pass(TimeDelta::minutes(20));
    lab.steady(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tg04_tg05_tasks_get_the_services_and_managed_tags_at_their_start() {
    let lab = Lab::new(1).await;
    lab.create(json!({
        "desiredCount": 1, "enableECSManagedTags": true, "propagateTags": "SERVICE",
        "tags": [{"key": "team", "value": "a"}]
    }))
    .await;
    lab.steady(1).await;
    let task = lab.all_tasks().await[0]["taskArn"].clone();
    let reply = lab
        .api
        .ok("DescribeTasks", json!({"tasks": [task], "include": ["TAGS"]}))
        .await;
    assert_eq!(
        reply["tasks"][0]["tags"],
        json!([
            {"key": "aws:ecs:clusterName", "value": "default"},
            {"key": "aws:ecs:serviceName", "value": "web"},
            {"key": "team", "value": "a"}
        ])
    );
}
