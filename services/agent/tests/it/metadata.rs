//! What containers may ask the agent.

use agent::{HttpClient, MetadataConfig};
use agent_protocol::RoleCredentials;
use axum::body::Bytes;
use http_body_util::Full;
use runtime::Runtime;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::bench::{Bench, arn, container, task};

struct Asked {
    bench: Bench,
    env: BTreeMap<String, String>,
    http: HttpClient,
}

/// A running task with a role, and the environment of its container.
async fn asked() -> Asked {
    let mut bench = Bench::idle().await;
    let listen = "127.0.0.1:0".parse().unwrap();
    bench.config.metadata = Some(MetadataConfig {
        listen,
        redirect: false,
    });
    bench.config.availability_zone = Some("zone-a".into());
    bench.start();
    bench.backend.connected().await;
    let mut payload = task("1", vec![container("web", "web:1"), container("side", "web:1")]);
    payload.cpu = Some(0.25);
    payload.service_name = Some("shop".into());
    payload.role_credentials = Some(RoleCredentials {
        credentials_id: "cred-1".into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        access_key_id: "AKROLE".into(),
        secret_access_key: "S".into(),
        session_token: "T".into(),
        expiration: "2027-01-01T00:00:00Z".into(),
        credential_scope: None,
    });
    bench.backend.deliver(payload).await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    let name = bench.running_container(&arn("1"), "web").await;
    let env = bench.fake.container_inspect(&name).await.unwrap().env;
    let split = |line: String| {
        line.split_once('=')
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .unwrap()
    };
    let env = env.into_iter().map(split).collect();
    Asked {
        bench,
        env,
        http: HttpClient::new(),
    }
}

impl Asked {
    async fn send(&self, method: &str, url: String, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let request = http::Request::builder()
            .method(method)
            .uri(url)
            .body(Full::new(body))
            .unwrap();
        let (status, body) = self.http.send(request, Duration::from_secs(5)).await.unwrap();
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, variable: &str, path: &str) -> (u16, Value) {
        self.send("GET", format!("{}{path}", self.env[variable]), Value::Null)
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ep02_containers_and_tasks_are_described() {
    let asked = asked().await;
    let (status, web) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "").await;
    assert_eq!(
        (status, &web["Name"], &web["KnownStatus"]),
        (200, &json!("web"), &json!("RUNNING"))
    );
    assert_eq!(web["Labels"]["com.amazonaws.ecs.task-arn"], arn("1"));
    assert_eq!(
        (&web["Type"], &web["Limits"]["CPU"]),
        (&json!("NORMAL"), &json!(2))
    );
    assert!(web["Networks"][0]["IPv4Addresses"][0].is_string(), "{web}");
    let (_, task) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "/task").await;
    assert_eq!(
        (&task["TaskARN"], &task["ServiceName"]),
        (&json!(arn("1")), &json!("shop"))
    );
    assert_eq!(
        (&task["AvailabilityZone"], &task["Limits"]["CPU"]),
        (&json!("zone-a"), &json!(0.25))
    );
    assert_eq!(task["Containers"].as_array().unwrap().len(), 2);
    let (_, older) = asked.get("ECS_CONTAINER_METADATA_URI", "/task").await;
    assert!(older.get("ServiceName").is_none() && older["Family"] == "web");
    let (_, stats) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "/stats").await;
    assert!(stats["memory_stats"]["usage"].is_number());
    let (_, stats) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "/task/stats").await;
    assert_eq!(stats.as_object().unwrap().len(), 2);
    assert_eq!(asked.get("ECS_CONTAINER_METADATA_URI_V4", "x").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn ep02_tags_come_from_the_server_and_failures_are_told() {
    let asked = asked().await;
    let tags = json!({ "tags": [{ "key": "team", "value": "shop" }] });
    asked
        .bench
        .backend
        .change(|seen| seen.answers.insert("ListTagsForResource".into(), tags));
    let (_, task) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "/taskWithTags").await;
    assert_eq!(
        (&task["TaskTags"]["team"], &task["ContainerInstanceTags"]["team"]),
        (&json!("shop"), &json!("shop"))
    );
    let denied = (400, "AccessDeniedException");
    asked
        .bench
        .backend
        .change(|seen| seen.failing.insert("ListTagsForResource".into(), denied));
    let (status, task) = asked.get("ECS_CONTAINER_METADATA_URI_V4", "/taskWithTags").await;
    assert_eq!(
        (status, &task["Errors"][0]["ErrorCode"]),
        (200, &json!("AccessDeniedException"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ep01_the_keys_of_the_task_role_are_handed_out_by_id() {
    let mut asked = asked().await;
    let base = asked.env["ECS_CONTAINER_METADATA_URI_V4"]
        .split("/v4/")
        .next()
        .unwrap()
        .to_owned();
    let url = format!("{base}{}", asked.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]);
    let (status, keys) = asked.send("GET", url, Value::Null).await;
    assert_eq!(
        (status, &keys["AccessKeyId"], &keys["Token"]),
        (200, &json!("AKROLE"), &json!("T"))
    );
    let (status, error) = asked
        .send("GET", format!("{base}/v2/credentials/nobody"), Value::Null)
        .await;
    assert_eq!((status, &error["code"]), (400, &json!("InvalidIdInRequest")));
    asked.bench.kill().await;
    let listen = base.trim_start_matches("http://").parse().unwrap();
    asked.bench.config.metadata = Some(MetadataConfig {
        listen,
        redirect: false,
    });
    asked.bench.start();
    asked
        .bench
        .backend
        .wait_until("a new connection", |seen| seen.connects.len() == 2)
        .await;
    let (status, error) = asked
        .send("GET", format!("{base}/v2/credentials/cred-1"), Value::Null)
        .await;
    assert_eq!(
        (status, &error["code"]),
        (503, &json!("CredentialsUninitialized"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ep03_task_protection_is_asked_with_the_keys_of_the_role() {
    let asked = asked().await;
    let protected = json!({
        "protectedTasks": [{ "taskArn": arn("1"), "protectionEnabled": true, "expirationDate": 1798761600.0 }]
    });
    asked.bench.backend.change(|seen| {
        seen.answers.insert("UpdateTaskProtection".into(), protected);
        let failure = json!({ "failures": [{ "arn": arn("1"), "reason": "TASK_NOT_VALID" }] });
        seen.answers.insert("GetTaskProtection".into(), failure);
    });
    let url = format!("{}/task-protection/v1/state", asked.env["ECS_AGENT_URI"]);
    let wanted = json!({ "ProtectionEnabled": true, "ExpiresInMinutes": 60 });
    let (status, answer) = asked.send("PUT", url.clone(), wanted).await;
    assert_eq!(
        (status, &answer["protection"]["ExpirationDate"]),
        (200, &json!("2027-01-01T00:00:00Z"))
    );
    let (operation, input) = asked
        .bench
        .backend
        .read(|seen| seen.other_calls.last().unwrap().clone());
    assert_eq!(
        (operation.as_str(), &input["expiresInMinutes"]),
        ("UpdateTaskProtection", &json!(60))
    );
    let (_, answer) = asked.send("GET", url.clone(), Value::Null).await;
    assert_eq!(answer["failure"]["Reason"], "TASK_NOT_VALID");
    let (status, answer) = asked.send("PUT", url, json!({ "Protect": true })).await;
    assert_eq!(
        (status, &answer["error"]["Code"]),
        (400, &json!("InvalidParameterException"))
    );
}
