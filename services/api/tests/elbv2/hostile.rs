//! Texts that are well-formed and still mean ill, in the place of every text of every operation: none is a fault of ours.

use aws_model::{Shape, elbv2, sample};
use serde_json::{Value, json};
use test_support::TestApi;

use crate::lab::{arn, balancer, elb, group, listener};

/// PostgreSQL cannot keep the first one; the others try quotes, comments, formats, directions of writing, and sizes.
fn hostile() -> [String; 5] {
    [
        "a\0b".to_owned(),
        "'\"`;--/*%00%s%n../..\\\u{202e}😀{{$(id)}}\r\n".to_owned(),
        String::new(),
        "ä".repeat(70_000),
        "-99999999999999999999999999".to_owned(),
    ]
}

/// Places of all texts within a value that are not restricted to a few words.
fn texts(shape: &'static Shape, value: &Value, at: &str, found: &mut Vec<String>) {
    match (shape, value) {
        (Shape::String { enumeration: [], .. }, Value::String(_)) => found.push(at.to_owned()),
        (Shape::Structure { members, .. }, Value::Object(object)) => {
            for member in members.iter().filter(|member| object.contains_key(member.name)) {
                texts(
                    member.shape,
                    &value[member.name],
                    &format!("{at}/{}", member.name),
                    found,
                );
            }
        }
        (Shape::List { member, .. }, Value::Array(items)) if !items.is_empty() => {
            texts(member, &items[0], &format!("{at}/0"), found);
        }
        _ => {}
    }
}

/// Names of things that are there, so that the hostile text is what decides.
struct Stage {
    api: TestApi,
    names: Vec<(&'static str, Value)>,
}

impl Stage {
    async fn set() -> Self {
        let api = elb().await;
        let balancer = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
        let group = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
        let listener = listener(&api, &balancer, 80, &group).await;
        let subnets = crate::lab::subnets(&api).await;
        let names = vec![
            ("LoadBalancerArn", json!(balancer)),
            ("LoadBalancerArns", json!([balancer])),
            ("TargetGroupArn", json!(group)),
            ("TargetGroupArns", json!([group])),
            ("ListenerArn", json!(listener)),
            ("ListenerArns", json!([listener])),
            ("ResourceArns", json!([balancer, group])),
            ("Subnets", json!([subnets[0], subnets[1]])),
            ("Type", json!("application")),
            ("Protocol", json!("HTTP")),
            ("TargetType", json!("ip")),
        ];
        Self { api, names }
    }

    fn adapted(&self, mut body: Value) -> Value {
        for (name, value) in &self.names {
            if let Some(there) = body.get_mut(*name) {
                *there = value.clone();
            }
        }
        body
    }
}

#[tokio::test]
async fn hostile_texts_are_refused_or_taken_and_never_a_fault() {
    let stage = Stage::set().await;
    let (mut wrong, mut count) = (Vec::new(), 0);
    for operation in elbv2::OPERATIONS {
        for valid in [sample::minimal(operation.input), sample::full(operation.input)] {
            let valid = stage.adapted(valid);
            let mut places = Vec::new();
            texts(operation.input, &valid, "", &mut places);
            for (place, text) in places
                .iter()
                .flat_map(|place| hostile().map(|text| (place, text)))
            {
                let mut body = valid.clone();
                *body.pointer_mut(place).unwrap() = json!(text);
                count += 1;
                if let Err(refusal) = stage.api.call(operation.name, body).await
                    && refusal.is_fault()
                {
                    let text: String = text.chars().take(20).collect();
                    wrong.push(format!("{} {place} {text:?}: {refusal:?}", operation.name));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} are faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 500, "{count}");
}
