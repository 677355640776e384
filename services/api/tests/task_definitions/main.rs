//! Task definitions through `dispatch`: section 4 of the behaviour rules.
#![allow(clippy::unwrap_used)]
#![recursion_limit = "512"]

mod attributes;
mod defaults;
mod environment;
mod fargate;
mod lifecycle;
mod malformed;
mod networks;
mod rules;
mod volumes;

use serde_json::{Value, json};
use test_support::TestApi;

/// The smallest definition of family `web`, with these members of the task and of its container `app` set or, if null, taken away.
fn web(task: Value, container: Value) -> Value {
    let mut app = json!({"name": "app", "image": "nginx", "memory": 64});
    merge(&mut app, container);
    let mut definition = json!({"family": "web", "containerDefinitions": [app]});
    merge(&mut definition, task);
    definition
}

fn merge(into: &mut Value, members: Value) {
    let Value::Object(members) = members else {
        panic!("members of an object")
    };
    for (name, value) in members {
        match value.is_null() {
            true => into.as_object_mut().unwrap().remove(&name),
            false => into.as_object_mut().unwrap().insert(name, value),
        };
    }
}

/// Registers a definition and gives it as the API shows it.
async fn register(api: &TestApi, body: Value) -> Value {
    api.ok("RegisterTaskDefinition", body).await["taskDefinition"].clone()
}

/// Registers all of these, expecting each to be refused as a ClientException with a text that has its second part in it.
async fn all_refused(api: &TestApi, cases: Vec<(Value, &str)>) {
    for (body, text) in cases {
        let refusal = api.refused("RegisterTaskDefinition", body.clone()).await;
        assert_eq!(refusal.code, "ClientException", "{body}: {}", refusal.message);
        assert!(refusal.message.contains(text), "{body}: {}", refusal.message);
    }
    let families = api.ok("ListTaskDefinitionFamilies", json!({})).await;
    assert_eq!(
        families["families"],
        json!([]),
        "a refused definition leaves nothing behind"
    );
}

/// Registers all of these, expecting each to be accepted.
async fn all_accepted(api: &TestApi, bodies: Vec<Value>) {
    for body in bodies {
        register(api, body).await;
    }
}

/// Definitions that differ from the smallest in one container's members.
fn apps(containers: Vec<Value>) -> Vec<Value> {
    containers
        .into_iter()
        .map(|container| web(json!({}), container))
        .collect()
}

fn app_cases(cases: Vec<(Value, &str)>) -> Vec<(Value, &str)> {
    cases
        .into_iter()
        .map(|(container, text)| (web(json!({}), container), text))
        .collect()
}

/// A definition of these containers, each with an image and memory of its own.
fn of(containers: Value) -> Value {
    let mut all = containers;
    for container in all.as_array_mut().unwrap() {
        let mut whole = json!({"image": "nginx", "memory": 64});
        merge(&mut whole, container.clone());
        *container = whole;
    }
    json!({"family": "web", "containerDefinitions": all})
}
