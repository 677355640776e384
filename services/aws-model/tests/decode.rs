//! What is wrong with a request, and how the client is told.

#![allow(clippy::unwrap_used)]

use aws_model::ecs::ops::{
    CreateCluster, DescribeTasks, ListServiceDeployments, RegisterTaskDefinition, RunTask, TagResource,
};
use aws_model::ecs::types::{LaunchType, RunTaskRequest};
use aws_model::{DecodeError, Operation, Timestamp, decode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read<Op: Operation>(body: Value) -> Result<Op::Input, DecodeError> {
    decode::<Op>(body.to_string().as_bytes())
}

/// The path and text of an `Invalid`.
fn invalid<Op: Operation>(body: Value) -> (String, String) {
    match read::<Op>(body) {
        Err(DecodeError::Invalid(violation)) => (violation.path(), violation.to_string()),
        other => panic!("not Invalid: {other:?}"),
    }
}

/// The text of a `Serialization`.
fn serialization<Op: Operation>(body: impl AsRef<[u8]>) -> String {
    match decode::<Op>(body.as_ref()) {
        Err(DecodeError::Serialization(text)) => text,
        other => panic!("not Serialization: {other:?}"),
    }
}

#[test]
fn an_empty_body_is_an_empty_request() {
    assert_eq!(
        decode::<CreateCluster>(b"").unwrap(),
        read::<CreateCluster>(json!({})).unwrap()
    );
}

#[test]
fn null_members_are_absent_and_unknown_members_ignored() {
    let request = read::<RunTask>(
        json!({"taskDefinition": "web", "count": null, "cluster": null, "madeUp": {"x": [1]}}),
    );
    assert_eq!(
        request.unwrap(),
        RunTaskRequest {
            task_definition: "web".into(),
            ..Default::default()
        }
    );
}

#[test]
fn w08_a_missing_required_member_is_named() {
    let blank = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let register = |containers: Value| json!({"family": "web", "containerDefinitions": containers});
    assert_eq!(
        invalid::<RunTask>(json!({})),
        blank("taskDefinition", "TaskDefinition can not be blank.")
    );
    assert_eq!(
        invalid::<RegisterTaskDefinition>(json!({"family": null})),
        blank("family", "Family can not be blank.")
    );
    assert_eq!(
        invalid::<RegisterTaskDefinition>(register(json!([{}, {"logConfiguration": {}}]))),
        blank(
            "containerDefinitions[1].logConfiguration.logDriver",
            "ContainerDefinitions[1].logConfiguration.logDriver can not be blank."
        )
    );
}

#[test]
fn w08_an_unknown_enum_value_is_answered_with_the_valid_ones() {
    let (path, reason) = invalid::<RunTask>(json!({"taskDefinition": "web", "launchType": "LAMBDA"}));
    assert_eq!(path, "launchType");
    assert_eq!(
        reason,
        "Invalid value 'LAMBDA' for launchType. Valid values: EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES."
    );
    let (_, reason) = invalid::<RunTask>(json!({"taskDefinition": "web", "launchType": "é".repeat(5000)}));
    assert!(reason.len() < 400, "{reason}");
}

#[test]
fn w08_a_member_of_the_wrong_type_is_named() {
    let text = |body: Value| serialization::<RunTask>(body.to_string());
    assert_eq!(
        text(json!({"taskDefinition": 7})),
        "taskDefinition must be a string."
    );
    assert_eq!(
        text(json!({"taskDefinition": "web", "count": "1"})),
        "count must be an integer."
    );
    assert_eq!(
        text(json!({"taskDefinition": "web", "count": 1.5})),
        "count must be an integer."
    );
    assert_eq!(
        text(json!({"taskDefinition": "web", "tags": [null]})),
        "tags[0] must be an object."
    );
    assert_eq!(text(json!([])), "The request body must be an object.");
}

#[test]
fn w08_a_body_that_is_not_json_is_told_so() {
    assert_eq!(
        serialization::<DescribeTasks>(b"\xff{}"),
        "The request body is not UTF-8."
    );
    assert!(serialization::<DescribeTasks>(b"{").starts_with("The request body is not valid JSON: EOF"));
    assert!(serialization::<DescribeTasks>("[".repeat(1_000_000)).contains("recursion limit"));
}

#[test]
fn whole_numbers_may_be_written_with_an_exponent_but_must_fit() {
    assert_eq!(
        decode::<RunTask>(br#"{"taskDefinition":"web","count":1e1}"#)
            .unwrap()
            .count,
        Some(10)
    );
    let (path, reason) = invalid::<RunTask>(json!({"taskDefinition": "web", "count": 2_147_483_648_i64}));
    assert_eq!(
        (path.as_str(), reason.as_str()),
        ("count", "count must be between -2147483648 and 2147483647.")
    );
    invalid::<RunTask>(json!({"taskDefinition": "web", "count": u64::MAX}));
    invalid::<RunTask>(json!({"taskDefinition": "web", "count": 1e300}));
}

#[test]
fn lengths_and_patterns_of_the_model_hold() {
    let tag = |key: &str, value: &str| json!({"resourceArn": "arn", "tags": [{"key": key, "value": value}]});
    assert!(read::<TagResource>(tag("größe:α", "")).is_ok());
    assert!(
        read::<TagResource>(tag(&"ß".repeat(128), "v")).is_ok(),
        "lengths count characters"
    );
    let cases = [
        (tag("", "v"), "tags[0].key must have at least 1 characters."),
        (
            tag(&"k".repeat(129), "v"),
            "tags[0].key must have at most 128 characters.",
        ),
        (
            tag("k", "\n"),
            "tags[0].value must match the pattern ([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*).",
        ),
        (
            json!({"resourceArn": "arn", "tags": vec![json!({}); 51]}),
            "tags must have at most 50 members.",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(invalid::<TagResource>(body).1, expected);
    }
}

#[test]
fn the_null_character_is_refused_in_texts_and_keys() {
    let container = |more: Value| json!({"family": "web", "containerDefinitions": [more]});
    let (path, reason) = invalid::<RegisterTaskDefinition>(container(json!({"command": ["a\0b"]})));
    assert_eq!(path, "containerDefinitions[0].command[0]");
    assert_eq!(reason, format!("{path} must not contain the character U+0000."));
    let (_, reason) = invalid::<RegisterTaskDefinition>(container(json!({"dockerLabels": {"a\0": "b"}})));
    assert!(
        reason.ends_with("must not contain the character U+0000."),
        "{reason}"
    );
}

#[test]
fn timestamps_are_read_from_numbers_and_iso_texts() {
    let before = |value: Value| {
        let body = json!({"service": "web", "createdAt": {"before": value}});
        read::<ListServiceDeployments>(body).map(|request| request.created_at.unwrap().before.unwrap())
    };
    let time = Timestamp::from_millis(1_700_000_000_500);
    assert_eq!(before(json!(1_700_000_000.5)), Ok(time));
    assert_eq!(before(json!("2023-11-14T22:13:20.5Z")), Ok(time));
    assert!(matches!(
        before(json!("yesterday")),
        Err(DecodeError::Serialization(_))
    ));
    assert!(matches!(before(json!(1e18)), Err(DecodeError::Invalid(_))));
}

#[test]
fn enums_convert_from_and_to_their_texts() {
    assert_eq!("EC2".parse(), Ok(LaunchType::Ec2));
    assert_eq!(LaunchType::Fargate.to_string(), "FARGATE");
    assert_eq!(LaunchType::default(), LaunchType::ALL[0]);
    let error = "ec2".parse::<LaunchType>().unwrap_err().to_string();
    assert_eq!(
        error,
        "Invalid value 'ec2'. Valid values: EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES."
    );
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<RegisterTaskDefinition>(&body);
    }

    #[test]
    fn any_json_is_decoded_or_refused_by_the_check(value in json_value()) {
        let body = json!({"taskDefinition": "web", "overrides": value, "tags": [value], "count": value});
        if let Err(DecodeError::Serialization(text)) = read::<RunTask>(body) {
            prop_assert!(text.contains(" must be "), "serde refused what the check let through: {}", text);
        }
    }
}

/// JSON values with member names that mean something to RunTask.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10_i32..10).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9]{0,5}".prop_map(Value::from),
        Just(Value::from("GPU")),
    ];
    let names = prop_oneof![
        Just("cpu"),
        Just("containerOverrides"),
        Just("name"),
        Just("environment"),
        Just("value"),
        Just("type"),
        Just("resourceRequirements"),
        Just("memory"),
        Just("ephemeralStorage"),
        Just("sizeInGiB"),
        Just("key"),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names.clone().prop_map(str::to_owned), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A shape that holds itself, which ECS does not have yet.
mod recursive {
    use super::*;
    use aws_model::schema::{Member, STRING, Shape};
    use aws_model::{malformed, sample};
    use serde::{Deserialize, Serialize};

    static NODE: Shape = Shape::Structure {
        name: "Node",
        members: &[
            Member::required("name", &STRING),
            Member::optional("next", &NODE),
            Member::optional("children", &NODES),
        ],
    };
    static NODES: Shape = Shape::List {
        member: &NODE,
        min: None,
        max: Some(2),
        item: "member",
        flattened: false,
    };

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Node {
        name: String,
        next: Option<Box<Node>>,
        children: Option<Vec<Node>>,
    }

    struct Put;
    impl Operation for Put {
        const NAME: &'static str = "Put";
        const SERVICE: &'static aws_model::Service = &aws_model::ecs::SERVICE;
        const INPUT: &'static Shape = &NODE;
        const OUTPUT: &'static Shape = &NODE;
        const ERRORS: &'static [&'static str] = &[];
        type Input = Node;
        type Output = Node;
    }

    #[test]
    fn a_shape_within_itself_is_checked_at_every_level() {
        let body = json!({"name": "a", "next": {"name": "b", "children": [{"name": "c"}, {"nome": "d"}]}});
        assert_eq!(invalid::<Put>(body).0, "next.children[1].name");
        let deepest =
            read::<Put>(json!({"name": "a", "next": {"name": "b", "children": [{"name": "c"}]}})).unwrap();
        assert_eq!(deepest.next.unwrap().children.unwrap()[0].name, "c");
    }

    #[test]
    fn a_shape_within_itself_can_be_sampled_and_spoilt() {
        let valid = sample::full(&NODE);
        assert_eq!(valid, json!({"name": "a", "children": []}));
        for (name, body) in malformed::cases(&NODE, &valid) {
            assert!(
                decode::<Put>(&body).is_err() || name.ends_with("huge string"),
                "{name}"
            );
        }
    }
}
