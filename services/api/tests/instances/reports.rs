//! What agents report of tasks (AG-04, I-03).

use super::*;

#[tokio::test]
async fn i03_resources_are_held_until_a_task_is_stopped_and_given_back_once() {
    let api = world().await;
    let arn = register_arn(&api).await;
    connect(&api, &arn).await;
    let free = describe(&api, &arn).await["remainingResources"].clone();
    let task_arn = run_task(&api, 8080).await;
    let held = describe(&api, &arn).await;
    assert_eq!(resource(&held["remainingResources"], "CPU")["integerValue"], 924);
    assert_eq!(
        resource(&held["remainingResources"], "MEMORY")["integerValue"],
        1848
    );
    assert!(
        resource(&held["remainingResources"], "PORTS")["stringSetValue"]
            .as_array()
            .unwrap()
            .contains(&json!("8080"))
    );
    assert_eq!(
        json!([held["runningTasksCount"], held["pendingTasksCount"]]),
        json!([1, 1])
    );
    api.ok("StopTask", json!({ "cluster": "demo", "task": task_arn }))
        .await;
    assert_eq!(
        describe(&api, &arn).await["remainingResources"],
        held["remainingResources"]
    );
    let report = json!({
        "cluster": "demo", "task": task_arn, "status": "STOPPED",
        "containers": [{ "containerName": "web", "exitCode": 0, "status": "STOPPED" }],
    });
    let reports: Vec<_> = (0..6)
        .map(|_| api.ok("SubmitTaskStateChange", report.clone()))
        .collect();
    futures::future::join_all(reports).await;
    let after = describe(&api, &arn).await;
    assert_eq!(after["remainingResources"], free);
    assert_eq!(
        json!([after["runningTasksCount"], after["pendingTasksCount"]]),
        json!([0, 0])
    );
    let stopped = task(&api, &task_arn).await;
    assert_eq!(
        json!([stopped["lastStatus"], stopped["tags"]]),
        json!(["STOPPED", []])
    );
}

#[tokio::test]
async fn ag04_reports_of_one_task_in_parallel_have_the_effect_of_the_furthest() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8081).await;
    let report = |status: &str, container: &str| {
        json!({
            "cluster": "demo", "task": task_arn, "status": status, "reason": "",
            "containers": [{ "containerName": "web", "runtimeId": "f00d", "imageDigest": "sha256:1", "exitCode": 3, "status": container }],
        })
    };
    let all = [
        report("PENDING", "PENDING"),
        report("RUNNING", "RUNNING"),
        report("STOPPED", "STOPPED"),
    ];
    let calls: Vec<_> = (0..12)
        .map(|n| api.ok("SubmitTaskStateChange", all[n % 3].clone()))
        .collect();
    futures::future::join_all(calls).await;
    let task = task(&api, &task_arn).await;
    assert_eq!(task["lastStatus"], "STOPPED");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert_eq!(task["containers"][0]["runtimeId"], "f00d");
    assert!(task["version"].as_i64().unwrap() <= 4, "{}", task["version"]);
}

#[tokio::test]
async fn reports_about_unknown_tasks_are_acknowledged_and_malformed_ones_refused() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8082).await;
    let unknown = task_arn.replace(&task_arn[task_arn.len() - 32..], &"e".repeat(32));
    for known in [
        json!({ "cluster": "demo", "task": unknown, "status": "STOPPED" }),
        json!({ "cluster": "gone", "task": unknown.replace("/demo/", "/gone/"), "status": "STOPPED" }),
        json!({ "cluster": "demo", "task": "odd", "status": "RUNNING" }),
        json!({ "cluster": "demo", "task": task_arn, "attachments": [{ "attachmentArn": "a", "status": "ATTACHED" }] }),
        json!({ "cluster": "demo", "task": task_arn, "status": "RUNNING", "containers": [{ "containerName": "nobody", "status": "RUNNING" }] }),
    ] {
        assert_eq!(
            api.ok("SubmitTaskStateChange", known).await,
            json!({ "acknowledgment": "ACK" })
        );
    }
    for wrong in [
        json!({ "cluster": "demo", "status": "RUNNING" }),
        json!({ "cluster": "demo", "task": task_arn, "status": "DANCING" }),
    ] {
        assert_eq!(
            api.refused("SubmitTaskStateChange", wrong).await.code,
            "InvalidParameterException"
        );
    }
    // Another account cannot report about it.
    let other = api.elsewhere("111111111111", "us-east-1");
    other.ok("CreateCluster", json!({ "clusterName": "demo" })).await;
    let id = task_arn.rsplit('/').next().unwrap();
    other
        .ok(
            "SubmitTaskStateChange",
            json!({ "cluster": "demo", "task": id, "status": "STOPPED" }),
        )
        .await;
    assert_eq!(task(&api, &task_arn).await["lastStatus"], "RUNNING");
}

#[tokio::test]
async fn older_agents_report_containers_by_themselves() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8083).await;
    let body = json!({ "cluster": "demo", "task": task_arn, "containerName": "web", "runtimeId": "cafe", "status": "RUNNING" });
    api.ok("SubmitContainerStateChange", body).await;
    let shown = task(&api, &task_arn).await;
    assert_eq!(
        json!([shown["lastStatus"], shown["containers"][0]["lastStatus"]]),
        json!(["PENDING", "RUNNING"])
    );
    let attached =
        json!({ "cluster": "demo", "attachments": [{ "attachmentArn": "a", "status": "ATTACHED" }] });
    api.ok("SubmitAttachmentStateChanges", attached).await;
}
