//! Texts that are well-formed and still mean ill, in the place of every text of every operation.

use api::ecs::dispatch::IMPLEMENTED;
use aws_model::{Shape, ecs, sample};
use berth_tests::World;
use futures::StreamExt;
use serde_json::{Value, json};
use test_support::books;

/// PostgreSQL cannot keep the first one; the second one tries quotes, comments, paths, formats and directions of writing.
const HOSTILE: [&str; 2] = ["a\0b", "'\"`;--/*%00%s%n../..\\\u{202e}😀{{$(id)}}\r\n"];

/// Places of all texts within a value that are not restricted to a few words.
fn texts(shape: &'static Shape, value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match (shape, value) {
        (Shape::String { enumeration: [], .. }, Value::String(_)) => found.push(at.clone()),
        (Shape::Structure { members, .. }, Value::Object(object)) => {
            for member in members.iter().filter(|member| object.contains_key(member.name)) {
                at.push(member.name.to_owned());
                texts(member.shape, &value[member.name], at, found);
                at.pop();
            }
        }
        (Shape::List { member, .. }, Value::Array(items)) if !items.is_empty() => {
            at.push("0".to_owned());
            texts(member, &items[0], at, found);
            at.pop();
        }
        (Shape::Map { value: shape, .. }, Value::Object(entries)) => {
            for (key, value) in entries {
                at.push(key.clone());
                texts(shape, value, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}

/// Bodies with one hostile text each, with the place where it is.
fn bodies(input: &'static Shape) -> Vec<(String, Value)> {
    let mut bodies = Vec::new();
    for sample in [sample::minimal(input), sample::full(input)] {
        let mut found = Vec::new();
        texts(input, &sample, &mut Vec::new(), &mut found);
        for (place, text) in found.iter().flat_map(|place| HOSTILE.map(|text| (place, text))) {
            let (mut body, pointer) = (sample.clone(), format!("/{}", place.join("/")));
            if let Some(slot) = body.pointer_mut(&pointer) {
                *slot = json!(text);
            }
            bodies.push((format!("{pointer} {text:?}"), body));
        }
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_break_no_operation_and_leave_the_books_balanced() {
    let world = World::with_hosts(1).await;
    let definition = world.define("a", "fake/app:1").await;
    world.create_service("a", &definition, 1, json!({})).await;
    let mut requests = Vec::new();
    for name in IMPLEMENTED {
        let operation = ecs::OPERATIONS
            .iter()
            .find(|operation| operation.name == *name)
            .unwrap();
        requests.extend(
            bodies(operation.input)
                .into_iter()
                .map(|(place, body)| (*name, place, body)),
        );
    }
    let count = requests.len();
    let answers: Vec<Option<String>> = futures::stream::iter(requests)
        .map(|(name, place, body)| {
            let client = world.client.clone();
            async move {
                let answer = match client.post(name, body.to_string()).await {
                    Ok(answer) if answer.status.is_success() => return None,
                    Ok(answer) => answer.flaw()?,
                    Err(broken) => broken,
                };
                Some(format!("{name} {place}: {answer}"))
            }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let wrong: Vec<String> = answers.into_iter().flatten().collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 500, "{count}");
    books::balance(&world.pool()).await;
    world.hosts.nothing_ran_twice();
    assert_eq!(world.server.failure().await, None);
    world.client.ok("ListClusters", json!({})).await;
}
