//! Container instances and attributes at the API, and agents' reports (section 3; 1.4, 1.5, 4 of the agent protocol).

#![allow(clippy::unwrap_used)]

mod attributes;
mod hosts;
mod operations;
mod registration;
mod reports;

use domain::ContainerInstanceId;
use serde_json::{Value, json};
use store::instances::Session;
use test_support::TestApi;
use uuid::Uuid;

const CAPABILITY: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.18";

async fn world() -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({ "clusterName": "demo" })).await;
    api
}

fn registration() -> Value {
    json!({
        "cluster": "demo",
        "attributes": [
            { "name": CAPABILITY },
            { "name": "ecs.os-family", "value": "LINUX" },
            { "name": "stack", "value": "prod" },
        ],
        "totalResources": [
            { "name": "CPU", "type": "INTEGER", "integerValue": 1024 },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": 2048 },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "51678"] },
            { "name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [] },
            { "name": "NEURON_CORES", "type": "STRINGSET", "stringSetValue": ["0"] },
        ],
        "platformDevices": [{ "id": "GPU-b", "type": "GPU" }, { "id": "GPU-a", "type": "GPU" }],
    })
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    body
}

async fn register(api: &TestApi, body: Value) -> Value {
    api.ok("RegisterContainerInstance", body).await["containerInstance"].clone()
}

async fn register_arn(api: &TestApi) -> String {
    text(&register(api, registration()).await["containerInstanceArn"])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn uuid(arn: &str) -> Uuid {
    arn.rsplit('/')
        .next()
        .unwrap()
        .parse::<ContainerInstanceId>()
        .unwrap()
        .uuid()
}

async fn describe(api: &TestApi, arn: &str) -> Value {
    let body = json!({ "cluster": "demo", "containerInstances": [arn], "include": ["TAGS"] });
    api.ok("DescribeContainerInstances", body).await["containerInstances"][0].clone()
}

/// Connects the instance's agent, as far as the database knows.
async fn connect(api: &TestApi, arn: &str) -> Session {
    let cluster = store::clusters::find_active(&api.db(), api.scope(), "demo")
        .await
        .unwrap()
        .unwrap();
    let session = Session {
        cluster_id: cluster.id,
        instance: uuid(arn),
        server: Uuid::new_v4(),
        session: Uuid::new_v4(),
        address: None,
        agent_version: "1.105.1".to_owned(),
        agent_hash: String::new(),
        docker_version: String::new(),
    };
    store::instances::connect(&api.db(), &session, api.context().now())
        .await
        .unwrap()
        .expect("it is there");
    session
}

async fn run_task(api: &TestApi, port: u16) -> String {
    let definition = json!({
        "family": "web",
        "containerDefinitions": [{
            "name": "web", "image": "tiny", "cpu": 100, "memory": 200,
            "portMappings": [{ "containerPort": 80, "hostPort": port }],
        }],
    });
    api.ok("RegisterTaskDefinition", definition).await;
    let body = json!({ "cluster": "demo", "taskDefinition": "web", "tags": [{ "key": "k", "value": "v" }] });
    let reply = api.ok("RunTask", body).await;
    assert_eq!(reply["failures"], json!([]), "{reply}");
    text(&reply["tasks"][0]["taskArn"])
}

async fn task(api: &TestApi, arn: &str) -> Value {
    let body = json!({ "cluster": "demo", "tasks": [arn], "include": ["TAGS"] });
    api.ok("DescribeTasks", body).await["tasks"][0].clone()
}

fn resource<'a>(resources: &'a Value, name: &str) -> &'a Value {
    resources
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["name"] == name)
        .unwrap_or(&Value::Null)
}

fn attribute(instance: &Value, name: &str) -> Option<Value> {
    let attributes = instance["attributes"].as_array().unwrap();
    attributes
        .iter()
        .find(|attribute| attribute["name"] == name)
        .map(|attribute| attribute["value"].clone())
}
