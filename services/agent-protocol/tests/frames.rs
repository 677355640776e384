//! Frames as the official agent and its backend exchange them.
#![allow(clippy::unwrap_used)]

use agent_protocol::acs::{AckRequest, HeartbeatMessage, IamRoleCredentialsAckRequest, PayloadMessage};
use agent_protocol::state_change::{ContainerChangeStatus, SubmitTaskStateChangeRequest, TaskChangeStatus};
use agent_protocol::task::{DependencyCondition, DesiredStatus, LaunchType, NetworkMode, VolumeType};
use agent_protocol::tcs::{HealthStatus, TcsFrame};
use agent_protocol::{
    AcsConnect, AcsFromAgent, AcsToAgent, ConnectQueryError, DecodeError, Refusal, RefusalKind, Task,
    TcsConnect, TcsFromAgent, TcsToAgent,
};
use serde_json::{Value, json};

const PAYLOAD: &str = include_str!("frames/payload.json");
const METRICS: &str = "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/ecs/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=00\r\nHost: 127.0.0.1:18080\r\nX-Amz-Date: 20261123T053417Z\r\n\r\n\
    {\"type\":\"PublishMetricsRequest\",\"message\":{\"metadata\":{\"cluster\":\"demo\",\
    \"containerInstance\":\"arn:ci\",\"fin\":true,\"idle\":true,\"messageId\":\"u\"},\"timestamp\":1795412057.213}}";

fn payload() -> PayloadMessage {
    match AcsToAgent::decode(PAYLOAD).unwrap() {
        AcsToAgent::Payload(payload) => payload,
        other => panic!("not a payload: {other:?}"),
    }
}

#[test]
fn the_sample_payload_is_read_in_full() {
    let payload = payload();
    assert_eq!((payload.message_id.as_str(), payload.seq_num), ("m2", Some(2)));
    let task = &payload.tasks[0];
    assert_eq!(task.desired_status, DesiredStatus::Running);
    assert_eq!(task.network_mode, Some(NetworkMode::Host));
    assert_eq!(task.launch_type, Some(LaunchType::External));
    assert_eq!((task.cpu, task.memory), (Some(0.25), Some(128)));
    assert_eq!(
        task.role_credentials.as_ref().unwrap().credentials_id,
        "cred-app-1"
    );
    assert_eq!(task.volumes[2].r#type, Some(VolumeType::Docker));
    let app = &task.containers[0];
    assert!(app.essential);
    assert_eq!(app.environment["FOO"], "bar");
    assert_eq!(app.depends_on[0].condition, DependencyCondition::Success);
    assert!(app.mount_points[1].read_only && !app.mount_points[0].read_only);
    let docker = app.docker_config.as_ref().unwrap();
    assert_eq!(docker.config_object().unwrap()["Healthcheck"]["Retries"], 3);
    assert_eq!(
        docker.host_config_object().unwrap()["MemoryReservation"],
        33_554_432
    );
}

#[test]
fn the_sample_payload_encodes_to_the_same_members() {
    let sent: Value = serde_json::from_str(PAYLOAD).unwrap();
    let mut ours: Value = serde_json::from_str(&AcsToAgent::Payload(payload()).encode()).unwrap();
    // We say `readOnly:false` and empty names of nothing where the sample is silent; that means the same.
    let scratch = &mut ours["message"]["tasks"][0]["containers"][0]["mountPoints"][0];
    assert_eq!(
        scratch.as_object_mut().unwrap().remove("readOnly"),
        Some(json!(false))
    );
    let volume = &mut ours["message"]["tasks"][0]["volumes"][2]["dockerVolumeConfiguration"];
    volume["driverOpts"] = json!({});
    volume["labels"] = json!({});
    assert_eq!(ours, sent);
}

#[test]
fn an_unknown_type_is_no_error() {
    let message = AcsToAgent::decode(r#"{"type":"BrandNewMessage","message":{"a":[1]}}"#).unwrap();
    assert_eq!(
        message,
        AcsToAgent::Unknown {
            r#type: "BrandNewMessage".into()
        }
    );
    assert_eq!(message.message_type(), "BrandNewMessage");
}

#[test]
fn unknown_members_nulls_and_a_missing_message_are_passed_over() {
    let heartbeat = AcsToAgent::decode(r#"{"type":"HeartbeatMessage","message":{"healthy":null,"x":1}}"#);
    assert_eq!(
        heartbeat.unwrap(),
        AcsToAgent::Heartbeat(HeartbeatMessage::default())
    );
    assert_eq!(
        AcsToAgent::decode(r#"{"type":"HeartbeatMessage"}"#).unwrap(),
        AcsToAgent::Heartbeat(HeartbeatMessage::default())
    );
    let text = r#"{"type":"PayloadMessage","message":{"clusterArn":"c","containerInstanceArn":"i",
        "messageId":"m","tasks":[{"arn":"a","desiredStatus":"STOPPED","containers":null,"volumes":null}]}}"#;
    match AcsToAgent::decode(text).unwrap() {
        AcsToAgent::Payload(payload) => assert_eq!(payload.tasks, [Task::stop("a")]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_required_member_and_a_wrong_type_are_errors() {
    let no_id = r#"{"type":"PayloadMessage","message":{"clusterArn":"c","containerInstanceArn":"i"}}"#;
    assert!(matches!(
        AcsToAgent::decode(no_id),
        Err(DecodeError::Message { .. })
    ));
    let wrong = r#"{"type":"HeartbeatMessage","message":{"messageId":5}}"#;
    assert!(matches!(
        AcsToAgent::decode(wrong),
        Err(DecodeError::Message { .. })
    ));
    assert!(matches!(AcsToAgent::decode("[]"), Err(DecodeError::Envelope(_))));
}

#[test]
fn an_unknown_word_is_kept_and_leaves_the_frame_readable() {
    let text = r#"{"arn":"a","desiredStatus":"SLEEPING"}"#;
    let task: Task = serde_json::from_str(text).unwrap();
    assert_eq!(task.desired_status, DesiredStatus::Other("SLEEPING".into()));
    assert_eq!(serde_json::to_string(&task).unwrap(), text);
}

#[test]
fn stopping_a_task_needs_only_its_arn() {
    let text = serde_json::to_string(&Task::stop("arn:task")).unwrap();
    assert_eq!(text, r#"{"arn":"arn:task","desiredStatus":"STOPPED"}"#);
}

#[test]
fn acks_have_the_documented_form() {
    let ack = AcsFromAgent::Ack(AckRequest {
        cluster: "c".into(),
        container_instance: "i".into(),
        message_id: "m2".into(),
    });
    let text = r#"{"type":"AckRequest","message":{"cluster":"c","containerInstance":"i","messageId":"m2"}}"#;
    assert_eq!(ack.encode(), text);
    assert_eq!(AcsFromAgent::decode(text).unwrap(), ack);
    let credentials = AcsFromAgent::IamRoleCredentialsAck(IamRoleCredentialsAckRequest {
        message_id: "m2".into(),
        expiration: "2027-01-01T00:00:00Z".into(),
        credentials_id: "cred-app-1".into(),
    });
    let text = r#"{"type":"IAMRoleCredentialsAckRequest","message":{"credentialsId":"cred-app-1","expiration":"2027-01-01T00:00:00Z","messageId":"m2"}}"#;
    assert_eq!(AcsFromAgent::decode(text).unwrap(), credentials);
}

#[test]
fn secret_keys_stay_out_of_debug_output() {
    let shown = format!("{:?}", payload().tasks[0].role_credentials);
    assert!(
        shown.contains("cred-app-1") && !shown.contains("SK") && !shown.contains("TOK"),
        "{shown}"
    );
}

#[test]
fn a_tcs_frame_is_split_at_the_first_empty_line() {
    let frame = TcsFrame::split(METRICS);
    assert_eq!(frame.headers[1], ("Host", "127.0.0.1:18080"));
    assert_eq!(frame.join(), METRICS);
    match TcsFromAgent::decode_frame(METRICS).unwrap() {
        TcsFromAgent::PublishMetrics(request) => {
            assert!(request.metadata.idle && request.metadata.fin);
            assert_eq!(request.timestamp.timestamp_millis(), 1_795_412_057_213);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tcs_message_encodes_back_to_the_same_body_and_has_an_ack() {
    let message = TcsFromAgent::decode_frame(METRICS).unwrap();
    let sent: Value = serde_json::from_str(TcsFrame::split(METRICS).body).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&message.encode()).unwrap(), sent);
    assert_eq!(
        message.ack().unwrap().encode(),
        r#"{"type":"AckPublishMetric","message":{"message":"ok"}}"#
    );
    assert_eq!(TcsFromAgent::Unknown { r#type: "X".into() }.ack(), None);
    assert!(matches!(
        TcsToAgent::decode(r#"{"type":"HeartbeatMessage","message":{"healthy":true}}"#).unwrap(),
        TcsToAgent::Heartbeat(HeartbeatMessage { healthy: true, .. })
    ));
}

#[test]
fn a_frame_without_header_block_is_all_body() {
    let text = "{\"type\":\"X\",\"message\":{\"a\":\"\\r\\n\"}}\r\n\r\n";
    assert_eq!(
        TcsFrame::split(text),
        TcsFrame {
            headers: vec![],
            body: text
        }
    );
}

#[test]
fn container_health_is_read() {
    let text = r#"{"type":"PublishHealthRequest","message":{"metadata":{"cluster":"c","containerInstance":"i",
        "messageId":"m","fin":true},"timestamp":1795412057,"tasks":[{"taskArn":"t","containers":[
        {"containerName":"app","healthStatus":"UNHEALTHY","statusSince":1795412050.5}]}]}}"#;
    match TcsFromAgent::decode(text).unwrap() {
        TcsFromAgent::PublishHealth(request) => {
            let app = &request.tasks[0].containers[0];
            assert_eq!(app.health_status, HealthStatus::Unhealthy);
            assert_eq!(app.status_since.unwrap().timestamp_millis(), 1_795_412_050_500);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn connect_queries_survive_the_round_trip() {
    let acs = AcsConnect {
        agent_hash: "abc".into(),
        agent_version: "1.105.1".into(),
        cluster_arn: "arn:aws:ecs:us-east-1:000000000000:cluster/demo".into(),
        container_instance_arn: "arn:aws:ecs:us-east-1:000000000000:container-instance/demo/01".into(),
        docker_version: "20.10.24".into(),
        protocol_version: 2,
        send_credentials: true,
        seq_num: 1,
    };
    let query = acs.to_query();
    assert!(
        query.starts_with("agentHash=abc&agentVersion=1.105.1&clusterArn=arn%3Aaws"),
        "{query}"
    );
    assert!(
        query.contains("dockerVersion=DockerVersion%3A%2020.10.24&protocolVersion=2"),
        "{query}"
    );
    assert_eq!(AcsConnect::from_query(&query).unwrap(), acs);
    assert_eq!(AcsConnect::from_query(&query.replace("%20", "+")).unwrap(), acs);
    let tcs = TcsConnect {
        agent_hash: "abc".into(),
        agent_version: "1".into(),
        cluster: "demo".into(),
        container_instance: "arn:ci/ä".into(),
        docker_version: "20.10.24+dfsg1".into(),
    };
    assert_eq!(TcsConnect::from_query(&tcs.to_query()).unwrap(), tcs);
    assert_eq!(
        TcsConnect::from_query("cluster=x"),
        Err(ConnectQueryError::Missing("containerInstance"))
    );
}

#[test]
fn refusals_are_read_in_both_forms() {
    let refusal = Refusal::new(RefusalKind::InactiveInstanceException, "deregistered");
    assert_eq!(
        refusal.encode(),
        r#"{"type":"InactiveInstanceException","message":{"message":"deregistered"}}"#
    );
    assert_eq!(Refusal::decode(&refusal.encode()), Some(refusal.clone()));
    assert_eq!(
        Refusal::decode(r#"{"InactiveInstanceException":"deregistered"}"#),
        Some(refusal)
    );
    assert_eq!(Refusal::decode("<html>"), None);
}

#[test]
fn state_reports_keep_repeated_containers_in_order() {
    let text = r#"{"cluster":"demo","task":"t","status":"STOPPED","reason":"","executionStoppedAt":1795412196.03,
        "containers":[{"containerName":"init","exitCode":0,"runtimeId":"77","status":"RUNNING"},
        {"containerName":"init","exitCode":0,"runtimeId":"77","status":"STOPPED","networkBindings":
        [{"bindIP":"0.0.0.0","containerPort":80,"hostPort":32768,"protocol":"tcp"}]}]}"#;
    let report: SubmitTaskStateChangeRequest = serde_json::from_str(text).unwrap();
    assert_eq!(report.status, Some(TaskChangeStatus::Stopped));
    assert_eq!(report.containers[0].status, ContainerChangeStatus::Running);
    assert_eq!(report.containers[1].network_bindings[0].host_port, Some(32768));
    let encoded: Value = serde_json::to_value(&report).unwrap();
    assert_eq!(encoded, serde_json::from_str::<Value>(text).unwrap());
}
