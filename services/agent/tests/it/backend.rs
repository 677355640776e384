//! A backend that remembers everything an agent says to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agent_protocol::state_change::SubmitTaskStateChangeRequest;
use agent_protocol::{AcsConnect, AcsFromAgent, AcsToAgent, Refusal, RefusalKind, TcsFromAgent};
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

pub const CLUSTER_ARN: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/demo";
pub const INSTANCE_ARN: &str = "arn:aws:ecs:us-east-1:000000000000:container-instance/demo/0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(20);

/// What goes to the agent's ACS connection.
enum Push {
    Frame(String),
    Close(u16),
}

#[derive(Default)]
pub struct Seen {
    pub registrations: Vec<Value>,
    pub discoveries: usize,
    pub connects: Vec<AcsConnect>,
    pub frames: Vec<AcsFromAgent>,
    pub reports: Vec<SubmitTaskStateChangeRequest>,
    pub telemetry: Vec<TcsFromAgent>,
    pub other_calls: Vec<(String, Value)>,
    /// Calls that are answered with this exception, by operation.
    pub failing: BTreeMap<String, (u16, &'static str)>,
    /// Answers of other operations.
    pub answers: BTreeMap<String, Value>,
    /// How ACS connections are refused.
    pub refusal: Option<RefusalKind>,
    acs: Option<mpsc::UnboundedSender<Push>>,
    messages: u64,
}

/// Clones are the same backend.
#[derive(Clone)]
pub struct Backend {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Backend {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        };
        let router = Router::new()
            .route("/", post(call))
            .route("/acs/ws", get(acs))
            .route("/tcs/ws", get(tcs))
            .with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        backend
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn read<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock())
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock());
        self.changed.send_modify(|n| *n += 1);
        result
    }

    /// Waits until something holds, and fails the test when it takes too long.
    pub async fn wait<T>(&self, what: &str, look: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = self.read(&look) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!(
                "waited in vain for {what}; reports: {:#?}",
                self.read(|seen| seen.reports.clone())
            ),
        }
    }

    pub async fn wait_until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        self.wait(what, |seen| holds(seen).then_some(())).await;
    }

    pub async fn connected(&self) {
        self.wait_until("an ACS connection", |seen| seen.acs.is_some())
            .await;
    }

    /// Sends a message if the agent is connected.
    pub fn send(&self, message: &AcsToAgent) {
        self.push(Push::Frame(message.encode()));
    }

    pub fn send_text(&self, text: &str) {
        self.push(Push::Frame(text.to_owned()));
    }

    /// Closes the ACS connection with a code.
    pub fn close(&self, code: u16) {
        self.push(Push::Close(code));
    }

    fn push(&self, push: Push) {
        self.change(|seen| {
            if let Some(acs) = &seen.acs {
                let _ = acs.send(push);
            }
        });
    }

    /// A fresh message id, and a number greater than all before.
    pub fn next_message(&self) -> (String, i64) {
        let number = self.change(|seen| {
            seen.messages += 1;
            seen.messages
        });
        (format!("m{number}"), number as i64)
    }

    /// Sends a payload and waits for its ack.
    pub async fn deliver(&self, task: agent_protocol::Task) {
        let id = self.offer(task);
        self.wait_until("an ack", |seen| acked(seen, &id)).await;
    }

    /// Sends a payload and gives its message id.
    pub fn offer(&self, task: agent_protocol::Task) -> String {
        let (message_id, seq_num) = self.next_message();
        self.send(&AcsToAgent::Payload(agent_protocol::acs::PayloadMessage {
            cluster_arn: CLUSTER_ARN.into(),
            container_instance_arn: INSTANCE_ARN.into(),
            message_id: message_id.clone(),
            seq_num: Some(seq_num),
            generated_at: None,
            timeline: None,
            tasks: vec![task],
        }));
        message_id
    }

    /// Waits for a report of the task with this status.
    pub async fn reported(&self, arn: &str, status: &str) -> SubmitTaskStateChangeRequest {
        let what = format!("{arn} {status}");
        self.wait(&what, |seen| report(seen, arn, status)).await
    }
}

pub fn acked(seen: &Seen, message_id: &str) -> bool {
    seen.frames
        .iter()
        .any(|frame| matches!(frame, AcsFromAgent::Ack(ack) if ack.message_id == message_id))
}

pub fn report(seen: &Seen, arn: &str, status: &str) -> Option<SubmitTaskStateChangeRequest> {
    let fits = |r: &&SubmitTaskStateChangeRequest| {
        r.task == arn && r.status.as_ref().is_some_and(|found| found.as_str() == status)
    };
    seen.reports.iter().find(fits).cloned()
}

async fn call(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit_once('.').unwrap().1.to_owned();
    let signed = headers["authorization"]
        .to_str()
        .unwrap()
        .starts_with("AWS4-HMAC-SHA256 Credential=AK");
    assert!(signed && headers["content-type"] == "application/x-amz-json-1.1");
    let input: Value = serde_json::from_slice(&body).unwrap();
    let failing = backend.read(|seen| seen.failing.get(&operation).copied());
    if let Some((status, code)) = failing {
        let body = json!({ "__type": code, "message": "as the test wants" }).to_string();
        backend.change(|seen| seen.other_calls.push((operation, input)));
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let base = backend.url();
    let output = backend.change(|seen| match operation.as_str() {
        "RegisterContainerInstance" => {
            let instance = json!({ "containerInstanceArn": INSTANCE_ARN, "attributes": input["attributes"] });
            seen.registrations.push(input);
            json!({ "containerInstance": instance })
        }
        "DiscoverPollEndpoint" => {
            seen.discoveries += 1;
            json!({ "endpoint": format!("{base}/acs"), "telemetryEndpoint": format!("{base}/tcs/") })
        }
        "SubmitTaskStateChange" => {
            seen.reports.push(serde_json::from_value(input).unwrap());
            json!({ "acknowledgment": "ok" })
        }
        _ => {
            let answer = seen.answers.get(&operation).cloned().unwrap_or(json!({}));
            seen.other_calls.push((operation, input));
            answer
        }
    });
    output.to_string().into_response()
}

async fn acs(
    State(backend): State<Backend>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let connect = AcsConnect::from_query(&query.unwrap_or_default()).unwrap();
    let refusal = backend.change(|seen| {
        seen.connects.push(connect);
        seen.refusal.clone()
    });
    if let Some(kind) = refusal {
        return (
            StatusCode::BAD_REQUEST,
            Refusal::new(kind, "as the test wants").encode(),
        )
            .into_response();
    }
    upgrade.on_upgrade(move |socket| serve_acs(backend, socket))
}

async fn serve_acs(backend: Backend, socket: WebSocket) {
    let (sender, mut pushes) = mpsc::unbounded_channel();
    backend.change(|seen| seen.acs = Some(sender.clone()));
    let (mut write, mut read) = socket.split();
    loop {
        tokio::select! {
            Some(push) = pushes.recv() => {
                let message = match push {
                    Push::Frame(text) => Message::text(text),
                    Push::Close(code) => Message::Close(Some(axum::extract::ws::CloseFrame { code, reason: "".into() })),
                };
                if write.send(message).await.is_err() {
                    break;
                }
            }
            frame = read.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let message = AcsFromAgent::decode(&text).unwrap();
                    backend.change(|seen| seen.frames.push(message));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    backend.change(|seen| {
        if seen.acs.as_ref().is_some_and(|acs| acs.same_channel(&sender)) {
            seen.acs = None;
        }
    });
}

async fn tcs(State(backend): State<Backend>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            let Message::Text(text) = message else { continue };
            assert!(text.starts_with("Authorization: AWS4-HMAC-SHA256 "), "{text}");
            let message = TcsFromAgent::decode_frame(&text).unwrap();
            let ack = message.ack();
            backend.change(|seen| seen.telemetry.push(message));
            if let Some(ack) = ack
                && socket.send(Message::text(ack.encode())).await.is_err()
            {
                return;
            }
        }
    })
}
