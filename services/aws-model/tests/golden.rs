//! A request and a response as they stand on the wire.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use aws_model::ecs::ops::RunTask;
use aws_model::ecs::types::*;
use aws_model::{Timestamp, decode, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_run_task_request_has_the_members_that_clients_send() {
    let body = json!({
        "cluster": "default",
        "count": 2,
        "enableECSManagedTags": true,
        "launchType": "EC2",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
        "overrides": {
            "containerOverrides": [{
                "name": "app",
                "command": ["sleep", "1"],
                "environment": [{"name": "MODE", "value": "test"}],
                "resourceRequirements": [{"type": "GPU", "value": "1"}],
            }],
            "ephemeralStorage": {"sizeInGiB": 30},
        },
        "placementStrategy": [{"type": "spread", "field": "host"}],
        "tags": [{"key": "team", "value": "web"}],
        "taskDefinition": "web:3",
        "volumeConfigurations": [{"name": "data", "managedEBSVolume": {"roleArn": "arn:r", "sizeInGiB": 10}}],
    });
    let request = decode::<RunTask>(body.to_string().as_bytes()).unwrap();
    assert_eq!(request.task_definition, "web:3");
    assert_eq!(request.enable_ecs_managed_tags, Some(true));
    assert_eq!(request.launch_type, Some(LaunchType::Ec2));
    let overrides = request.overrides.as_ref().unwrap();
    let container = &overrides.container_overrides.as_ref().unwrap()[0];
    assert_eq!(
        container.resource_requirements.as_ref().unwrap()[0].r#type,
        ResourceType::Gpu
    );
    assert_eq!(overrides.ephemeral_storage.as_ref().unwrap().size_in_gib, 30);
    assert_eq!(serde_json::from_slice::<Value>(&encode(&request)).unwrap(), body);
}

#[test]
fn w05_w06_a_describe_tasks_response_is_written_as_ecs_does() {
    let task = Task {
        task_arn: Some("arn:aws:ecs:us-east-1:123456789012:task/default/0123".into()),
        last_status: Some("RUNNING".into()),
        created_at: Some(Timestamp::from_millis(1_700_000_000_123)),
        started_at: Some(Timestamp::from_millis(1_700_000_001_000)),
        stop_code: Some(TaskStopCode::EssentialContainerExited),
        version: Some(3),
        containers: Some(vec![Container {
            name: Some("app".into()),
            exit_code: Some(0),
            network_bindings: Some(vec![NetworkBinding {
                bind_ip: Some("0.0.0.0".into()),
                ..Default::default()
            }]),
            ..Default::default()
        }]),
        tags: Some(vec![]),
        ..Default::default()
    };
    let failure = Failure {
        arn: Some("arn:x".into()),
        reason: Some("MISSING".into()),
        ..Default::default()
    };
    let response = DescribeTasksResponse {
        tasks: Some(vec![task]),
        failures: Some(vec![failure]),
    };
    let text = String::from_utf8(encode(&response)).unwrap();
    let expected = json!({
        "tasks": [{
            "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/default/0123",
            "lastStatus": "RUNNING",
            "createdAt": 1_700_000_000.123,
            "startedAt": 1_700_000_001,
            "stopCode": "EssentialContainerExited",
            "version": 3,
            "containers": [{"name": "app", "exitCode": 0, "networkBindings": [{"bindIP": "0.0.0.0"}]}],
            "tags": [],
        }],
        "failures": [{"arn": "arn:x", "reason": "MISSING"}],
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    assert!(text.contains("\"createdAt\":1700000000.123,"), "{text}");
    assert_eq!(
        serde_json::from_str::<DescribeTasksResponse>(&text).unwrap(),
        response
    );
}

#[test]
fn required_members_of_responses_may_be_missing_when_read() {
    let definition: ContainerDefinition = serde_json::from_str(r#"{"dockerLabels":{"a":"b"}}"#).unwrap();
    assert_eq!(
        definition.docker_labels,
        Some(BTreeMap::from([("a".into(), "b".into())]))
    );
    assert_eq!(
        serde_json::from_str::<KeyValuePair>("{}").unwrap(),
        KeyValuePair::default()
    );
}

#[test]
fn w05_a_timestamp_has_no_digits_but_milliseconds() {
    let text = |millis| serde_json::to_string(&Timestamp::from_millis(millis)).unwrap();
    assert_eq!(text(1_700_000_000_123), "1700000000.123");
    assert_eq!(text(1_700_000_000_100), "1700000000.1");
    assert_eq!(text(1_700_000_000_000), "1700000000");
    assert_eq!(text(-1), "-0.001");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000Z");
}

proptest! {
    #[test]
    fn w05_timestamps_survive_json_and_iso_text(millis in Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis()) {
        let time = Timestamp::from_millis(millis);
        let text = serde_json::to_string(&time).unwrap();
        let (_, fraction) = text.split_once('.').unwrap_or((&text, ""));
        prop_assert!(fraction.len() <= 3, "{}", text);
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        prop_assert_eq!(Timestamp::parse_iso(&time.to_string()), Some(time));
        prop_assert_eq!(Timestamp::from(chrono::DateTime::from(time)), time);
    }

    #[test]
    fn blobs_survive_base64(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let blob = aws_model::Blob(bytes);
        let text = serde_json::to_string(&blob).unwrap();
        prop_assert_eq!(serde_json::from_str::<aws_model::Blob>(&text).unwrap(), blob);
    }
}
