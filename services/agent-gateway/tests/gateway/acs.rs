//! Control sessions.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::world::{World, text};

fn report(task: &str, status: &str, containers: Value) -> Value {
    json!({ "cluster": "demo", "task": task, "status": status, "reason": "", "containers": containers })
}

fn running(task: &str) -> Value {
    let binding = json!({ "bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 32768, "protocol": "tcp" });
    report(
        task,
        "RUNNING",
        json!([
            { "containerName": "side", "runtimeId": "5e2d", "status": "RUNNING" },
            { "containerName": "web", "runtimeId": "459a", "status": "RUNNING", "networkBindings": [binding] },
        ]),
    )
}

#[tokio::test]
async fn ag02_a_task_travels_to_the_agent_and_back() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect(&instance).await;
    let manifest = agent.expect("TaskManifestMessage").await;
    assert_eq!(manifest["tasks"], json!([]));
    assert_eq!(manifest["containerInstanceArn"], json!(instance));
    agent.ack(&manifest).await;
    let connected = world
        .instance_until(&instance, |instance| instance["agentConnected"] == json!(true))
        .await;
    assert_eq!(
        connected["versionInfo"],
        json!({ "agentVersion": "1.105.1", "agentHash": "4cfba3d4", "dockerVersion": "DockerVersion: 20.10.24" })
    );

    let task = world.run_task().await;
    let payload = agent.expect("PayloadMessage").await;
    assert!(payload["seqNum"].as_i64() > manifest["timeline"].as_i64());
    assert_eq!(
        payload["clusterArn"],
        "arn:aws:ecs:us-east-1:000000000000:cluster/demo"
    );
    let sent = &payload["tasks"][0];
    assert_eq!(
        json!([
            sent["arn"],
            sent["desiredStatus"],
            sent["family"],
            sent["version"],
            sent["group"]
        ]),
        json!([task, "RUNNING", "web", "1", "family:web"])
    );
    assert_eq!(
        sent["containers"][0]["environment"],
        json!({ "AWS_EXECUTION_ENV": "AWS_ECS_EC2" })
    );
    agent.ack(&payload).await;

    world.api.ok("SubmitTaskStateChange", running(&task)).await;
    let up = world.task(&task).await;
    assert_eq!(
        json!([up["lastStatus"], up["connectivity"]]),
        json!(["RUNNING", "CONNECTED"])
    );
    assert_eq!(up["containers"][0]["networkBindings"][0]["hostPort"], 32768);

    world
        .api
        .ok("StopTask", json!({ "cluster": "demo", "task": task }))
        .await;
    let stop = agent.take_payload().await;
    assert_eq!(
        json!([stop["arn"], stop["desiredStatus"]]),
        json!([task, "STOPPED"])
    );
    world
        .task_until(&task, |task| task["lastStatus"] == "STOPPING")
        .await;
    let down = json!([
        { "containerName": "web", "exitCode": 143, "status": "STOPPED" },
        { "containerName": "side", "exitCode": 137, "status": "STOPPED" },
    ]);
    world
        .api
        .ok("SubmitTaskStateChange", report(&task, "STOPPED", down))
        .await;
    let gone = world.task(&task).await;
    assert_eq!(
        json!([gone["lastStatus"], gone["stopCode"]]),
        json!(["STOPPED", "UserInitiated"])
    );
    assert_eq!(gone["containers"][0]["exitCode"], 143);
    let instance = world.instance(&instance).await;
    assert_eq!(instance["remainingResources"], instance["registeredResources"]);
}

#[tokio::test]
async fn k01_an_agent_is_told_to_stop_the_rest_when_an_essential_container_has_ended() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    let task = world.run_task().await;
    agent.take_payload().await;
    world.api.ok("SubmitTaskStateChange", running(&task)).await;
    let ended = json!([{ "containerName": "web", "exitCode": 0, "status": "STOPPED" }]);
    world
        .api
        .ok("SubmitTaskStateChange", report(&task, "RUNNING", ended))
        .await;
    let stop = agent.take_payload().await;
    assert_eq!(
        json!([stop["arn"], stop["desiredStatus"]]),
        json!([task, "STOPPED"])
    );
    let task = world.task(&task).await;
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    assert_eq!(task["desiredStatus"], "STOPPED");
}

#[tokio::test]
async fn a_payload_that_is_not_acknowledged_comes_again() {
    let world = World::losing_hosts_after(TimeDelta::seconds(3)).await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    world.run_task().await;
    let first = agent.expect("PayloadMessage").await;
    let second = agent.expect("PayloadMessage").await;
    assert_eq!(first["tasks"], second["tasks"]);
    assert!(second["seqNum"].as_i64() > first["seqNum"].as_i64());
    agent.ack(&second).await;
}

#[tokio::test]
async fn the_manifest_lists_what_should_run_and_extras_are_confirmed() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    let (stays, stops) = (world.run_task().await, world.run_task().await);
    agent.take_payload().await;
    agent.take_payload().await;
    world.api.ok("SubmitTaskStateChange", running(&stays)).await;
    world
        .api
        .ok("SubmitTaskStateChange", report(&stops, "STOPPED", json!([])))
        .await;
    agent.close().await;

    let mut agent = world.connect(&instance).await;
    let manifest = agent.expect("TaskManifestMessage").await;
    let listed = manifest["tasks"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        json!([listed[0]["taskArn"], listed[0]["desiredStatus"]]),
        json!([stays, "RUNNING"])
    );
    agent.ack(&manifest).await;
    let unknown = stays.replace(&stays[stays.len() - 32..], &"a".repeat(32));
    let candidates: Vec<Value> = [&stays, &stops, &unknown]
        .iter()
        .map(|arn| json!({ "taskArn": arn, "taskClusterArn": "demo", "desiredStatus": "STOPPED" }))
        .collect();
    let asked = json!({ "messageId": manifest["messageId"], "stopCandidates": candidates });
    agent.say("TaskStopVerificationMessage", asked).await;
    let confirmed = agent.expect("TaskStopVerificationAck").await;
    assert_eq!(confirmed["messageId"], manifest["messageId"]);
    let arns: Vec<String> = confirmed["stopTasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| text(&task["taskArn"]))
        .collect();
    assert_eq!(arns, [stops, unknown]);
}

#[tokio::test]
async fn timelines_grow_over_sessions() {
    let world = World::new().await;
    let instance = world.register().await;
    let mut last = 0;
    for _ in 0..3 {
        let mut agent = world.connect(&instance).await;
        let timeline = agent.expect("TaskManifestMessage").await["timeline"]
            .as_i64()
            .unwrap();
        assert!(timeline > last);
        last = timeline;
        agent.close().await;
    }
}

#[tokio::test]
async fn a_newer_session_takes_over_and_the_older_ones_end_disconnects_nobody() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut old = world.connect_and_settle(&instance).await;
    let mut new = world.connect_and_settle(&instance).await;
    assert_eq!(old.closed().await, Some(1000));
    world.run_task().await;
    assert_eq!(new.take_payload().await["desiredStatus"], "RUNNING");
    assert_eq!(world.instance(&instance).await["agentConnected"], json!(true));
}

#[tokio::test]
async fn i05_an_agent_that_closes_is_disconnected_at_once() {
    let world = World::new().await;
    let instance = world.register().await;
    let agent = world.connect_and_settle(&instance).await;
    agent.close().await;
    world
        .instance_until(&instance, |instance| instance["agentConnected"] == json!(false))
        .await;
}

#[tokio::test]
async fn a_silent_host_is_noticed() {
    let world = World::losing_hosts_after(TimeDelta::seconds(1)).await;
    let instance = world.register().await;
    // Reads, but answers no heartbeat.
    let mut agent = world.connect(&instance).await;
    assert_eq!(agent.closed().await, Some(1000));
    world
        .instance_until(&instance, |instance| instance["agentConnected"] == json!(false))
        .await;
}

#[tokio::test]
async fn heartbeats_keep_a_session_alive() {
    let world = World::losing_hosts_after(TimeDelta::seconds(2)).await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    for _ in 0..4 {
        let beat = agent.expect_heartbeat().await;
        assert_eq!(beat["healthy"], json!(true));
    }
    assert_eq!(world.instance(&instance).await["agentConnected"], json!(true));
}

#[tokio::test]
async fn i08_forced_deregistration_orphans_the_tasks_and_closes_the_session() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    let task = world.run_task().await;
    agent.take_payload().await;
    let plain = json!({ "cluster": "demo", "containerInstance": instance });
    let refusal = world.api.refused("DeregisterContainerInstance", plain).await;
    assert_eq!(refusal.message, "Found running tasks on the instance.");
    let forced = json!({ "cluster": "demo", "containerInstance": instance, "force": true });
    world.api.ok("DeregisterContainerInstance", forced).await;
    assert_eq!(agent.closed().await, Some(1000));
    let task = world.task(&task).await;
    assert_eq!(
        json!([task["lastStatus"], task["stopCode"], task["stoppedReason"]]),
        json!([
            "STOPPED",
            "UserInitiated",
            "Container instance deregistration forced by user"
        ])
    );
}

#[tokio::test]
async fn the_shutdown_of_a_server_sends_agents_to_another_and_marks_them_disconnected() {
    let world = World::new().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    world.shut_down();
    assert_eq!(agent.closed().await, Some(1001));
    world
        .instance_until(&instance, |instance| instance["agentConnected"] == json!(false))
        .await;
}

#[tokio::test]
async fn frames_that_make_no_sense_are_passed_over() {
    let world = World::new().await;
    world.define_task().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    for nonsense in [
        "",
        "{",
        "[]",
        "{\"type\":\"AckRequest\",\"message\":7}",
        "{\"type\":\"Surprise\",\"message\":{}}",
    ] {
        agent.say_raw(nonsense.to_owned()).await;
    }
    agent
        .say("AckRequest", json!({ "messageId": "never sent" }))
        .await;
    agent
        .say(
            "TaskStopVerificationMessage",
            json!({ "messageId": "x", "stopCandidates": [] }),
        )
        .await;
    world.run_task().await;
    assert_eq!(agent.take_payload().await["desiredStatus"], "RUNNING");
}

#[tokio::test]
async fn se01_a_task_whose_secrets_cannot_be_fetched_is_stopped_with_the_reason() {
    let world = World::new().await;
    let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
    let definition = json!({
        "family": "web", "executionRoleArn": "arn:aws:iam::000000000000:role/x",
        "containerDefinitions": [{
            "name": "web", "image": "tiny:1", "memory": 64, "secrets": [{ "name": "DB", "valueFrom": secret }],
        }],
    });
    world.api.ok("RegisterTaskDefinition", definition).await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    let task = world.run_task().await;
    let gone = world
        .task_until(&task, |task| task["lastStatus"] == "STOPPED")
        .await;
    assert_eq!(gone["stopCode"], "TaskFailedToStart");
    let reason = text(&gone["stoppedReason"]);
    assert!(
        reason.starts_with(
            "ResourceInitializationError: unable to pull secrets or registry auth: the secret DB"
        ),
        "{reason}"
    );
    // The agent has heard nothing of it, neither that it should start nor that it should stop.
    world.define_task().await;
    let other = world.run_task().await;
    assert_eq!(agent.take_payload().await["arn"], json!(other));
}
