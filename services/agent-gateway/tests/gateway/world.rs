//! A server's agent side, and agents to talk to it.

use std::sync::Arc;
use std::time::Duration;

use agent_gateway::Gateway;
use async_trait::async_trait;
use auth::{Credentials, KeyRecord, KeyStatus, Keys, KeysError, Secret, Signer, Verifier, VerifierSettings};
use chrono::TimeDelta;
use futures::{SinkExt, StreamExt};
use kit::{Clock, Shutdown, Tasks};
use serde_json::{Value, json};
use test_support::TestApi;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(20);
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const ACCOUNT: &str = "000000000000";

struct OneKey;

#[async_trait]
impl Keys for OneKey {
    async fn find(&self, id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError> {
        let record = KeyRecord {
            access_key_id: KEY_ID.to_owned(),
            account: ACCOUNT.parse().unwrap(),
            principal_arn: format!("arn:aws:iam::{ACCOUNT}:root"),
            user_id: ACCOUNT.to_owned(),
            secret: Secret::new(SECRET),
            status: KeyStatus::Active,
            session_token: None,
            expires_at: None,
        };
        Ok((id == KEY_ID).then(|| Arc::new(record)))
    }
}

/// A server with its operations.
pub struct World {
    pub api: TestApi,
    address: std::net::SocketAddr,
    tasks: Tasks,
}

impl World {
    pub async fn new() -> Self {
        Self::losing_hosts_after(TimeDelta::seconds(30)).await
    }

    pub async fn losing_hosts_after(host_loss_after: TimeDelta) -> Self {
        let api = TestApi::new().await;
        let tasks = Tasks::new(Shutdown::new());
        let verifier = Arc::new(Verifier::new(Arc::new(OneKey), VerifierSettings::default()));
        let clock = Arc::new(api.clock().clone());
        let gateway = Gateway::start(api.db(), verifier, clock, host_loss_after, &tasks);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tasks.spawn_job("http", async move {
            let service = gateway
                .router()
                .into_make_service_with_connect_info::<std::net::SocketAddr>();
            axum::serve(listener, service).await
        });
        api.ok("CreateCluster", json!({ "clusterName": "demo" })).await;
        Self { api, address, tasks }
    }

    /// Ends all loops and sessions as a shutdown does.
    pub fn shut_down(&self) {
        self.tasks.shutdown().request();
    }

    /// Registers a host as the official agent does.
    pub async fn register(&self) -> String {
        self.register_with(&[]).await
    }

    /// The same with more capabilities.
    pub async fn register_with(&self, more: &[&str]) -> String {
        let capabilities = [
            "com.amazonaws.ecs.capability.docker-remote-api.1.17",
            "com.amazonaws.ecs.capability.docker-remote-api.1.18",
            "com.amazonaws.ecs.capability.docker-remote-api.1.19",
            "com.amazonaws.ecs.capability.docker-remote-api.1.24",
            "com.amazonaws.ecs.capability.docker-remote-api.1.29",
            "ecs.capability.container-health-check",
            "ecs.capability.container-ordering",
            "ecs.capability.secrets.asm.environment-variables",
        ];
        let attributes: Vec<Value> = capabilities
            .iter()
            .chain(more)
            .map(|name| json!({ "name": name }))
            .collect();
        let reply = self
            .api
            .ok(
                "RegisterContainerInstance",
                json!({
                    "cluster": "demo",
                    "attributes": attributes,
                    "totalResources": [
                        { "name": "CPU", "type": "INTEGER", "integerValue": 2048 },
                        { "name": "MEMORY", "type": "INTEGER", "integerValue": 4096 },
                        { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"] },
                        { "name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [] },
                    ],
                }),
            )
            .await;
        text(&reply["containerInstance"]["containerInstanceArn"])
    }

    pub async fn define_task(&self) {
        let web = json!({
            "family": "web",
            "containerDefinitions": [
                {
                    "name": "web", "image": "tiny:1", "memory": 64, "portMappings": [{ "containerPort": 80 }],
                    "healthCheck": { "command": ["CMD-SHELL", "true"] },
                },
                { "name": "side", "image": "tiny:1", "memory": 16, "essential": false },
            ],
        });
        self.api.ok("RegisterTaskDefinition", web).await;
    }

    /// Runs one task of [`Self::define_task`]; gives its ARN.
    pub async fn run_task(&self) -> String {
        let reply = self
            .api
            .ok("RunTask", json!({ "cluster": "demo", "taskDefinition": "web" }))
            .await;
        assert_eq!(reply["failures"], json!([]), "{reply}");
        text(&reply["tasks"][0]["taskArn"])
    }

    pub async fn task(&self, arn: &str) -> Value {
        let reply = self
            .api
            .ok("DescribeTasks", json!({ "cluster": "demo", "tasks": [arn] }))
            .await;
        reply["tasks"][0].clone()
    }

    pub async fn instance(&self, arn: &str) -> Value {
        let body = json!({
            "cluster": "demo", "containerInstances": [arn], "include": ["CONTAINER_INSTANCE_HEALTH"],
        });
        self.api.ok("DescribeContainerInstances", body).await["containerInstances"][0].clone()
    }

    /// Waits until the instance looks as it should.
    pub async fn instance_until(&self, arn: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(async || self.instance(arn).await, wanted).await
    }

    pub async fn task_until(&self, arn: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(async || self.task(arn).await, wanted).await
    }

    /// A connected control session.
    pub async fn connect(&self, instance: &str) -> Agent {
        let socket = self
            .dial(&acs_path("demo", instance), SECRET)
            .await
            .expect("an upgrade");
        Agent {
            socket,
            instance: instance.to_owned(),
        }
    }

    /// A connected control session of an agent that has taken its manifest.
    pub async fn connect_and_settle(&self, instance: &str) -> Agent {
        let mut agent = self.connect(instance).await;
        let manifest = agent.expect("TaskManifestMessage").await;
        agent.ack(&manifest).await;
        self.instance_until(instance, |instance| instance["agentConnected"] == json!(true))
            .await;
        agent
    }

    pub async fn connect_telemetry(&self, instance: &str) -> Agent {
        let path = format!(
            "/agent/tcs/ws?agentHash=abc&agentVersion=1.105.1&cluster=demo&containerInstance={}&dockerVersion=20.10.24",
            escaped(instance)
        );
        Agent {
            socket: self.dial(&path, SECRET).await.expect("an upgrade"),
            instance: instance.to_owned(),
        }
    }

    /// Opens a websocket, or gives status and body of the refusal.
    pub async fn dial(&self, path: &str, secret: &str) -> Result<Socket, (u16, Value)> {
        let url = format!("ws://{}{path}", self.address);
        let (mut parts, ()) = url.into_client_request().unwrap().into_parts();
        let credentials = Credentials {
            access_key_id: KEY_ID.to_owned(),
            secret: Secret::new(secret),
            session_token: None,
        };
        Signer::new(credentials, "us-east-1", "ecs")
            .sign(&mut parts, b"", self.api.clock().now())
            .unwrap();
        match connect_async(http::Request::from_parts(parts, ())).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                Err((response.status().as_u16(), body))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.shutdown().request();
    }
}

/// The address of a control session, as the official agent writes it.
pub fn acs_path(cluster: &str, instance: &str) -> String {
    format!(
        "/agent/acs/ws?agentHash=4cfba3d4&agentVersion=1.105.1&clusterArn={}&containerInstanceArn={}\
         &dockerVersion=DockerVersion%3A%2020.10.24&protocolVersion=2&sendCredentials=true&seqNum=1",
        escaped(cluster),
        escaped(instance)
    )
}

fn escaped(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One websocket of an agent.
pub struct Agent {
    socket: Socket,
    instance: String,
}

impl Agent {
    /// The next frame of this type. Heartbeats on the way are answered, as an agent does.
    pub async fn expect(&mut self, wanted: &str) -> Value {
        loop {
            let Some(frame) = self.next().await else {
                panic!("closed instead of {wanted}")
            };
            let message = frame["message"].clone();
            match frame["type"].as_str() {
                Some(found) if found == wanted => return message,
                Some("HeartbeatMessage") => {
                    self.say(
                        "HeartbeatAckRequest",
                        json!({ "messageId": message["messageId"] }),
                    )
                    .await;
                }
                other => panic!("{other:?} instead of {wanted}: {message}"),
            }
        }
    }

    /// The next heartbeat, answered.
    pub async fn expect_heartbeat(&mut self) -> Value {
        let frame = self.next().await.expect("a heartbeat");
        assert_eq!(frame["type"], "HeartbeatMessage");
        self.say(
            "HeartbeatAckRequest",
            json!({ "messageId": frame["message"]["messageId"] }),
        )
        .await;
        frame["message"].clone()
    }

    /// The next frame; `None` once the server has closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("a frame in time")
            {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads without answering anything until the server closes; gives the close code.
    pub async fn closed(&mut self) -> Option<u16> {
        let reading = async {
            let mut code = None;
            while let Some(Ok(frame)) = self.socket.next().await {
                if let Message::Close(Some(close)) = frame {
                    code = Some(close.code.into());
                }
            }
            code
        };
        timeout(PATIENCE, reading).await.expect("a close in time")
    }

    pub async fn say(&mut self, kind: &str, message: Value) {
        self.say_raw(json!({ "type": kind, "message": message }).to_string())
            .await;
    }

    pub async fn say_raw(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn ack(&mut self, message: &Value) {
        let ack = json!({
            "cluster": message["clusterArn"], "containerInstance": self.instance, "messageId": message["messageId"],
        });
        self.say("AckRequest", ack).await;
    }

    /// The only task of the next payload, which is acknowledged.
    pub async fn take_payload(&mut self) -> Value {
        let payload = self.expect("PayloadMessage").await;
        self.ack(&payload).await;
        assert_eq!(payload["tasks"].as_array().unwrap().len(), 1);
        payload["tasks"][0].clone()
    }

    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}

async fn eventually(look: impl AsyncFn() -> Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let value = look().await;
        if wanted(&value) {
            return value;
        }
        assert!(tokio::time::Instant::now() < until, "it stays {value:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
