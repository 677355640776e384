//! Hosts that register again or are lost.

use super::*;

#[tokio::test]
async fn ports_of_a_task_stay_taken_when_its_host_registers_again() {
    let api = world().await;
    let arn = register_arn(&api).await;
    connect(&api, &arn).await;
    let task_arn = run_task(&api, 9000).await;
    let small = json!({
        "containerInstanceArn": arn,
        "totalResources": [
            { "name": "CPU", "type": "INTEGER", "integerValue": 50 },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": 4096 },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["23"] },
        ],
    });
    let again = register(&api, with(registration(), small)).await;
    assert_eq!(
        resource(&again["remainingResources"], "PORTS")["stringSetValue"],
        json!(["23", "9000"])
    );
    // A host does not shrink below what its tasks hold.
    assert_eq!(
        resource(&again["registeredResources"], "CPU")["integerValue"],
        100
    );
    api.ok(
        "SubmitTaskStateChange",
        json!({ "cluster": "demo", "task": task_arn, "status": "STOPPED" }),
    )
    .await;
    let after = describe(&api, &arn).await;
    assert_eq!(after["remainingResources"], after["registeredResources"]);
}

#[tokio::test]
async fn a_lost_hosts_tasks_are_stopped_unless_its_agent_is_back() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let session = connect(&api, &arn).await;
    let task_arn = run_task(&api, 9001).await;
    let (db, now) = (api.db(), api.context().now());
    let since = now + chrono::TimeDelta::seconds(1);
    assert!(store::instances::lost(&db, since).await.unwrap().is_empty());
    store::instances::disconnect(&db, &session, now).await.unwrap();
    assert_eq!(
        store::instances::lost(&db, since).await.unwrap(),
        [(uuid(&arn), None)]
    );
    let stop = async |db: &store::Db| {
        let reason = "Host EC2 (instance x) terminated.";
        store::task_reports::stop_all_on_lost_host(db, uuid(&arn), since, "TerminationNotice", reason, since)
            .await
            .unwrap()
    };
    let session = connect(&api, &arn).await;
    assert_eq!(stop(&db).await, 0);
    assert_eq!(task(&api, &task_arn).await["lastStatus"], "PENDING");
    store::instances::disconnect(&db, &session, now).await.unwrap();
    assert_eq!(stop(&db).await, 1);
    let stopped = task(&api, &task_arn).await;
    assert_eq!(
        json!([
            stopped["lastStatus"],
            stopped["stopCode"],
            stopped["containers"][0]["lastStatus"],
            stopped["tags"]
        ]),
        json!(["STOPPED", "TerminationNotice", "STOPPED", []])
    );
    let host = describe(&api, &arn).await;
    assert_eq!(host["remainingResources"], host["registeredResources"]);
}

#[tokio::test]
async fn sessions_of_a_server_without_a_lease_are_void() {
    let api = world().await;
    let (one, two) = (register_arn(&api).await, register_arn(&api).await);
    let (db, now) = (api.db(), api.context().now());
    let alive = connect(&api, &one).await;
    let dead = connect(&api, &two).await;
    store::leases::renew(&db, alive.server).await.unwrap();
    assert_eq!(store::leases::expire(&db, now).await.unwrap(), 1);
    assert_eq!(describe(&api, &one).await["agentConnected"], true);
    assert_eq!(describe(&api, &two).await["agentConnected"], false);
    // The void session's end comes too late to matter.
    assert!(!store::instances::disconnect(&db, &dead, now).await.unwrap());
    assert_eq!(store::leases::leave(&db, alive.server, now).await.unwrap(), 1);
    assert_eq!(describe(&api, &one).await["agentConnected"], false);
}
