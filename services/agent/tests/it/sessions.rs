//! Sessions with the backend: registration, connections, manifests, lost and repeated messages.

use std::time::Duration;

use agent::AgentError;
use agent_protocol::acs::{HeartbeatMessage, TaskIdentifier, TaskManifestMessage, TaskStopVerificationAck};
use agent_protocol::task::DesiredStatus;
use agent_protocol::{AcsFromAgent, AcsToAgent, RefusalKind, Task, TcsFromAgent};
use runtime::Runtime;

use crate::backend::{CLUSTER_ARN, INSTANCE_ARN, acked, report};
use crate::bench::{Bench, arn, container, task};

#[tokio::test(flavor = "multi_thread")]
async fn ag01_a_host_registers_once_and_keeps_its_identity() {
    let mut bench = Bench::idle().await;
    bench.config.attributes.insert("stack".into(), "prod".into());
    bench.config.gpu_ids = vec!["GPU-1".into()];
    bench.start();
    bench.backend.connected().await;
    let first = bench.backend.read(|seen| seen.registrations[0].clone());
    assert_eq!(first["cluster"], "demo");
    assert!(first.get("containerInstanceArn").is_none());
    let resource = |name: &str| {
        let all = first["totalResources"].as_array().unwrap();
        all.iter()
            .find(|resource| resource["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(resource("CPU")["integerValue"], 2048);
    assert_eq!(resource("MEMORY")["integerValue"], 4096);
    assert_eq!(resource("PORTS")["stringSetValue"][0], "22");
    assert_eq!(first["platformDevices"][0]["id"], "GPU-1");
    let names = |value: &serde_json::Value| value["attributes"].to_string();
    assert!(
        names(&first).contains("\"stack\"") && names(&first).contains("ecs.capability.container-ordering")
    );
    bench.stop().await.unwrap();
    bench.start();
    bench
        .backend
        .wait_until("a second registration", |seen| seen.registrations.len() == 2)
        .await;
    let second = bench.backend.read(|seen| seen.registrations[1].clone());
    assert_eq!(second["containerInstanceArn"], INSTANCE_ARN);
    assert!(
        !names(&second).contains("\"stack\""),
        "custom attributes go with the first registration only"
    );
    bench
        .backend
        .wait_until("a second connection", |seen| seen.connects.len() == 2)
        .await;
    let flags = bench.backend.read(|seen| {
        seen.connects
            .iter()
            .map(|c| c.send_credentials)
            .collect::<Vec<_>>()
    });
    assert_eq!(flags, [true, true], "each process asks for credentials once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_ends_the_agent_and_a_failing_server_does_not() {
    let mut bench = Bench::idle().await;
    bench.backend.change(|seen| {
        seen.failing
            .insert("RegisterContainerInstance".into(), (500, "ServerException"))
    });
    bench.start();
    bench
        .backend
        .wait_until("two attempts", |seen| seen.other_calls.len() >= 2)
        .await;
    bench.backend.change(|seen| {
        seen.failing
            .insert("RegisterContainerInstance".into(), (400, "ClientException"))
    });
    assert!(matches!(bench.ended().await, Err(AgentError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_endpoint_is_refused_with_a_clear_sentence() {
    let mut bench = Bench::idle().await;
    bench.config.endpoints = vec!["https://berth.example".into()];
    bench.start();
    let text = bench.ended().await.unwrap_err().to_string();
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_takes_over_when_the_first_does_not_answer() {
    let mut bench = Bench::idle().await;
    bench.config.endpoints.insert(0, "http://127.0.0.1:1".into());
    bench.start();
    bench.backend.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_comes_back_after_every_kind_of_close() {
    let bench = Bench::new().await;
    for (count, code) in [(2, 1000), (3, 1001), (4, 1011), (5, 1008)] {
        bench.backend.connected().await;
        bench.backend.close(code);
        bench
            .backend
            .wait_until("a new connection", |seen| seen.connects.len() == count)
            .await;
    }
    let flags = bench.backend.read(|seen| {
        seen.connects
            .iter()
            .map(|c| c.send_credentials)
            .collect::<Vec<_>>()
    });
    assert_eq!(flags, [true, false, false, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_connection_and_heartbeats_keep_it() {
    let mut bench = Bench::idle().await;
    bench.config.session.silence_limit = Duration::from_millis(300);
    bench.start();
    bench.backend.connected().await;
    for n in 0..10 {
        let message_id = Some(format!("h{n}"));
        bench.backend.send(&AcsToAgent::Heartbeat(HeartbeatMessage {
            message_id,
            healthy: true,
        }));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bench.backend.read(|seen| seen.connects.len()), 1);
    let acks = |seen: &crate::backend::Seen| {
        seen.frames
            .iter()
            .filter(|frame| matches!(frame, AcsFromAgent::HeartbeatAck(_)))
            .count()
    };
    bench
        .backend
        .wait_until("ten heartbeat acks", |seen| acks(seen) == 10)
        .await;
    bench
        .backend
        .wait_until("a connection after silence", |seen| seen.connects.len() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i12_heartbeats_bring_the_engines_health() {
    let bench = Bench::new().await;
    let told = |word: &'static str| {
        move |seen: &crate::backend::Seen| {
            seen.telemetry.iter().any(|message| match message {
                TcsFromAgent::PublishInstanceStatus(status) => status.statuses[0].status.as_str() == word,
                _ => false,
            })
        }
    };
    let heartbeat = AcsToAgent::Heartbeat(HeartbeatMessage {
        message_id: Some("h".into()),
        healthy: true,
    });
    bench.backend.send(&heartbeat);
    bench.backend.wait_until("OK", told("OK")).await;
    bench.fake.set_reachable(false);
    bench.backend.send(&heartbeat);
    bench.backend.wait_until("IMPAIRED", told("IMPAIRED")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_instance_waits_before_it_comes_back() {
    let mut bench = Bench::idle().await;
    bench.config.session.inactive_wait = Duration::from_millis(400);
    bench
        .backend
        .change(|seen| seen.refusal = Some(RefusalKind::InactiveInstanceException));
    bench.start();
    bench
        .backend
        .wait_until("a refused connection", |seen| seen.connects.len() == 1)
        .await;
    let refused = tokio::time::Instant::now();
    bench.backend.change(|seen| seen.refusal = None);
    bench.backend.connected().await;
    assert!(refused.elapsed() > Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_deregistered_does_not_come_back_when_the_server_has_forgotten_it() {
    let mut bench = Bench::idle().await;
    bench.config.session.inactive_wait = Duration::from_millis(10);
    bench
        .backend
        .change(|seen| seen.refusal = Some(RefusalKind::InactiveInstanceException));
    bench.start();
    bench
        .backend
        .wait_until("a refused connection", |seen| seen.connects.len() == 1)
        .await;
    bench
        .backend
        .change(|seen| seen.refusal = Some(RefusalKind::InvalidInstanceException));
    bench
        .backend
        .wait_until("further attempts", |seen| seen.connects.len() >= 4)
        .await;
    assert_eq!(bench.backend.read(|seen| seen.registrations.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_the_server_does_not_know_any_more_registers_again_as_what_it_was() {
    let mut bench = Bench::idle().await;
    bench.config.attributes = [("stack".to_owned(), "prod".to_owned())].into();
    bench
        .backend
        .change(|seen| seen.refusal = Some(RefusalKind::InvalidInstanceException));
    bench.start();
    let again = bench
        .backend
        .wait("a second registration", |seen| seen.registrations.get(1).cloned())
        .await;
    assert_eq!(again["containerInstanceArn"], INSTANCE_ARN);
    let attributes = again["attributes"].as_array().unwrap();
    assert!(attributes.iter().any(|attribute| attribute["name"] == "stack"));
    bench.backend.change(|seen| seen.refusal = None);
    bench.backend.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_cannot_be_read_are_passed_over() {
    let bench = Bench::new().await;
    for text in [
        "",
        "{",
        "[]",
        r#"{"type":"PayloadMessage","message":{"messageId":5}}"#,
        r#"{"type":"Unheard"}"#,
    ] {
        bench.backend.send_text(text);
    }
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    assert_eq!(bench.backend.read(|seen| seen.connects.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ag03_a_repeated_payload_is_acked_and_runs_once_and_running_after_stopped_is_ignored() {
    let bench = Bench::new().await;
    let payload = task("1", vec![container("web", "web:1")]);
    for _ in 0..3 {
        bench.backend.deliver(payload.clone()).await;
    }
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    bench.backend.deliver(payload).await;
    bench.backend.reported(&arn("1"), "STOPPED").await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    assert_eq!(bench.starts(&arn("1"), "web"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_for_an_unknown_task_and_a_task_that_is_none_are_answered_with_stopped() {
    let bench = Bench::new().await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    let reason = bench.backend.reported(&arn("1"), "STOPPED").await.reason.unwrap();
    assert!(reason.starts_with("TaskStateError: "), "{reason}");
    let mut known = task("2", vec![container("web", "web:1")]);
    known.desired_status = DesiredStatus::Stopped;
    bench.backend.deliver(known).await;
    let stopped = bench.backend.reported(&arn("2"), "STOPPED").await;
    assert_eq!(stopped.containers[0].status.as_str(), "STOPPED");
    bench.backend.deliver(task("3", vec![])).await;
    let reason = bench.backend.reported(&arn("3"), "STOPPED").await.reason.unwrap();
    assert!(
        reason.starts_with("UnrecogniedTaskError: Error loading task - "),
        "{reason}"
    );
    assert!(bench.fake.containers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_for_another_instance_is_dropped() {
    let bench = Bench::new().await;
    bench
        .backend
        .send(&AcsToAgent::Payload(agent_protocol::acs::PayloadMessage {
            cluster_arn: CLUSTER_ARN.into(),
            container_instance_arn: "arn:other".into(),
            message_id: "other".into(),
            seq_num: None,
            generated_at: None,
            timeline: None,
            tasks: vec![task("1", vec![container("web", "web:1")])],
        }));
    bench
        .backend
        .deliver(task("2", vec![container("web", "web:1")]))
        .await;
    assert!(!bench.backend.read(|seen| acked(seen, "other")));
}

fn manifest(id: &str, timeline: i64, running: &[&str]) -> AcsToAgent {
    let listed = running.iter().map(|task| TaskIdentifier {
        task_arn: arn(task),
        task_cluster_arn: None,
        desired_status: DesiredStatus::Running,
    });
    AcsToAgent::TaskManifest(TaskManifestMessage {
        message_id: id.into(),
        cluster_arn: CLUSTER_ARN.into(),
        container_instance_arn: INSTANCE_ARN.into(),
        generated_at: None,
        timeline,
        tasks: listed.collect(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_stops_what_is_not_listed_after_verification() {
    let mut bench = Bench::new().await;
    for id in ["1", "2"] {
        bench
            .backend
            .deliver(task(id, vec![container("web", "web:1")]))
            .await;
        bench.backend.reported(&arn(id), "RUNNING").await;
    }
    bench.backend.send(&manifest("old", 1, &[]));
    bench.backend.send(&manifest("new", 100, &["1"]));
    let candidates = bench
        .backend
        .wait("stop candidates", |seen| {
            seen.frames.iter().find_map(|frame| match frame {
                AcsFromAgent::TaskStopVerification(message) => Some(message.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!(
        (candidates.message_id.as_str(), candidates.stop_candidates.len()),
        ("new", 1)
    );
    assert_eq!(candidates.stop_candidates[0].task_arn, arn("2"));
    assert!(
        bench
            .backend
            .read(|seen| acked(seen, "new") && !acked(seen, "old"))
    );
    for message_id in ["other", "new"] {
        bench
            .backend
            .send(&AcsToAgent::TaskStopVerificationAck(TaskStopVerificationAck {
                message_id: message_id.into(),
                generated_at: None,
                stop_tasks: candidates.stop_candidates.clone(),
            }));
    }
    bench.backend.reported(&arn("2"), "STOPPED").await;
    assert!(
        bench
            .backend
            .read(|seen| report(seen, &arn("1"), "STOPPED"))
            .is_none()
    );
    bench.kill().await;
    bench.start();
    bench
        .backend
        .wait_until("a new connection", |seen| seen.connects.len() == 2)
        .await;
    bench.backend.connected().await;
    bench.backend.send(&manifest("again", 100, &[]));
    bench
        .backend
        .deliver(task("3", vec![container("web", "web:1")]))
        .await;
    assert!(
        !bench.backend.read(|seen| acked(seen, "again")),
        "the timeline is kept over a restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ag04_reports_are_repeated_until_accepted_and_keep_their_order() {
    let bench = Bench::new().await;
    bench.backend.change(|seen| {
        seen.failing
            .insert("SubmitTaskStateChange".into(), (500, "ServerException"))
    });
    bench
        .backend
        .deliver(task("1", vec![container("job", "fake/run-then-exit:30ms-5")]))
        .await;
    bench
        .backend
        .wait_until("three refused reports", |seen| seen.other_calls.len() >= 3)
        .await;
    bench.backend.change(|seen| seen.failing.clear());
    bench.backend.reported(&arn("1"), "STOPPED").await;
    let statuses: Vec<String> = bench.backend.read(|seen| {
        let all = seen
            .reports
            .iter()
            .map(|report| report.status.clone().unwrap().to_string());
        all.filter(|status| status != "PENDING").collect()
    });
    assert_eq!(statuses, ["RUNNING", "STOPPED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_server_calls_invalid_is_dropped() {
    let bench = Bench::new().await;
    bench.backend.change(|seen| {
        seen.failing
            .insert("SubmitTaskStateChange".into(), (400, "InvalidParameterException"))
    });
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench
        .backend
        .wait_until("the refused report", |seen| !seen.other_calls.is_empty())
        .await;
    bench.backend.change(|seen| seen.failing.clear());
    bench.backend.deliver(Task::stop(arn("1"))).await;
    bench.backend.reported(&arn("1"), "STOPPED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_told_while_tasks_run_and_idle_otherwise() {
    let mut bench = Bench::idle().await;
    bench.config.session.telemetry_interval = Duration::from_millis(50);
    bench.start();
    bench.backend.connected().await;
    let metrics = |idle: bool| {
        move |seen: &crate::backend::Seen| {
            seen.telemetry.iter().any(|message| match message {
                TcsFromAgent::PublishMetrics(metrics) => {
                    metrics.metadata.idle == idle
                        && metrics.task_metrics.is_empty() == idle
                        && metrics.metadata.fin
                }
                _ => false,
            })
        }
    };
    bench.backend.wait_until("an idle report", metrics(true)).await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.wait_until("figures", metrics(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarting_engine_loses_nothing() {
    let bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    let name = bench.running_container(&arn("1"), "web").await;
    bench.fake.set_reachable(false);
    bench.fake.exit(&name, 3).unwrap();
    bench.fake.restart_engine();
    bench
        .backend
        .deliver(task("2", vec![container("web", "web:1")]))
        .await;
    bench.fake.set_reachable(true);
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(stopped.containers[0].exit_code, Some(3));
    bench.backend.reported(&arn("2"), "RUNNING").await;
    assert_eq!(bench.fake.container_list(&[], false).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_engine_may_get_lost() {
    let bench = Bench::new().await;
    for id in ["1", "2"] {
        bench.fake.lose_answers(3);
        bench
            .backend
            .deliver(task(id, vec![container("web", "web:1")]))
            .await;
        bench.backend.reported(&arn(id), "RUNNING").await;
        bench.fake.lose_answers(2);
        bench.backend.deliver(Task::stop(arn(id))).await;
        bench.backend.reported(&arn(id), "STOPPED").await;
        assert_eq!(bench.starts(&arn(id), "web"), 1);
    }
}
