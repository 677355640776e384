//! TCS: an agent's telemetry. Health of containers and of the host is kept; metrics are taken and not kept yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agent_protocol::acs::HeartbeatMessage;
use agent_protocol::tcs::{HealthStatus as WireHealth, InstanceStatus, TaskHealth};
use agent_protocol::{TcsConnect, TcsFromAgent, TcsToAgent};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{Request, State};
use axum::response::Response;
use domain::HealthStatus;
use store::instances::{self, HealthRecord};
use store::task_reports::{self, ContainerHealths};
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::entry::{self, Denied, task_id};
use crate::gateway::Shared;

/// Agents close when they hear nothing for a minute, and publish three times a minute.
const BEAT: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(180);
/// An unchanged health of the host is written down again after this long, for its `lastUpdated`.
const REFRESH: Duration = Duration::from_secs(120);
/// How long a frame may take to be written.
const WRITE: Duration = Duration::from_secs(30);

/// `GET /agent/tcs/ws`.
pub(crate) async fn upgrade(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Denied> {
    let (mut parts, _) = request.into_parts();
    let scope = entry::caller(&shared, &parts).await?;
    let query = parts.uri.query().unwrap_or_default();
    let connect = TcsConnect::from_query(query).map_err(|error| entry::bad_request(error.to_string()))?;
    let (target, host) =
        entry::target(&shared, &scope, &connect.cluster, &connect.container_instance).await?;
    let upgrade = entry::websocket(&mut parts).await?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let name = format!("agent-telemetry {}", host.instance);
        let mut session = Tcs {
            instance: target.id,
            socket,
            task_health: BTreeMap::new(),
            host_health: Vec::new(),
            host_health_kept: None,
            shared: shared.clone(),
        };
        shared.tasks.spawn_job(name, async move { session.run().await });
    }))
}

struct Tcs {
    shared: Arc<Shared>,
    instance: Uuid,
    socket: WebSocket,
    /// What is known to stand in the database: agents repeat themselves every 20 s.
    task_health: BTreeMap<Uuid, ContainerHealths>,
    host_health: Vec<HealthRecord>,
    host_health_kept: Option<Instant>,
}

impl Tcs {
    async fn run(&mut self) {
        let shutdown = self.shared.tasks.shutdown().clone();
        let (mut beat, mut heard) = (Instant::now() + BEAT, Instant::now());
        loop {
            tokio::select! {
                frame = self.socket.recv() => {
                    let Some(Ok(frame)) = frame else { return };
                    heard = Instant::now();
                    if let Message::Text(text) = frame
                        && !self.hear(&text).await
                    {
                        return;
                    }
                }
                () = sleep_until(beat.min(heard + SILENCE)) => {
                    if heard.elapsed() >= SILENCE {
                        return;
                    }
                    beat = Instant::now() + BEAT;
                    if !self.send(TcsToAgent::Heartbeat(HeartbeatMessage { message_id: None, healthy: true })).await {
                        return;
                    }
                }
                () = shutdown.requested() => {
                    let frame = CloseFrame { code: close_code::AWAY, reason: "the server is shutting down".into() };
                    let _ = timeout(BEAT / 30, self.socket.send(Message::Close(Some(frame)))).await;
                    return;
                }
            }
        }
    }

    /// Takes a frame and acknowledges it; false when the connection is gone. What could not be written down now comes again in 20 s.
    async fn hear(&mut self, text: &str) -> bool {
        let message = match TcsFromAgent::decode_frame(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(instance = %self.instance, %error, "a telemetry frame could not be read");
                return true;
            }
        };
        let done = match &message {
            TcsFromAgent::PublishHealth(health) => self.take_task_health(&health.tasks).await,
            TcsFromAgent::PublishInstanceStatus(status) => self.take_host_health(&status.statuses).await,
            TcsFromAgent::PublishMetrics(_)
            | TcsFromAgent::StartTelemetrySession(_)
            | TcsFromAgent::Unknown { .. } => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(instance = %self.instance, %error, "health could not be written down");
        }
        match message.ack() {
            Some(ack) => self.send(ack).await,
            None => true,
        }
    }

    async fn take_task_health(&mut self, tasks: &[TaskHealth]) -> store::Result<()> {
        let mut news: BTreeMap<Uuid, ContainerHealths> = BTreeMap::new();
        for task in tasks {
            let Some(id) = task_id(&task.task_arn) else {
                continue;
            };
            let said: ContainerHealths = task
                .containers
                .iter()
                .map(|c| (c.container_name.clone(), health(&c.health_status)))
                .collect();
            if self.task_health.get(&id.uuid()) != Some(&said) {
                news.insert(id.uuid(), said);
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        for id in task_reports::apply_health(&self.shared.db, self.instance, &news).await? {
            self.task_health.extend(news.remove_entry(&id));
        }
        Ok(())
    }

    async fn take_host_health(&mut self, statuses: &[InstanceStatus]) -> store::Result<()> {
        let said: Vec<HealthRecord> = statuses.iter().map(record).collect();
        let states = |records: &[HealthRecord]| -> Vec<(String, String)> {
            records
                .iter()
                .map(|record| (record.r#type.clone(), record.status.clone()))
                .collect()
        };
        let changed = states(&said) != states(&self.host_health);
        if changed || self.host_health_kept.is_none_or(|at| at.elapsed() >= REFRESH) {
            instances::report_health(&self.shared.db, self.instance, &said, changed).await?;
            self.host_health = said;
            self.host_health_kept = Some(Instant::now());
        }
        Ok(())
    }

    async fn send(&mut self, message: TcsToAgent) -> bool {
        matches!(
            timeout(WRITE, self.socket.send(Message::text(message.encode()))).await,
            Ok(Ok(()))
        )
    }
}

fn health(word: &WireHealth) -> HealthStatus {
    word.as_str().parse().unwrap_or(HealthStatus::Unknown)
}

/// The API has other words for the parts of a host: `CONTAINER_RUNTIME` for `ContainerRuntime`.
fn record(status: &InstanceStatus) -> HealthRecord {
    let mut part = String::new();
    for letter in status.r#type.chars() {
        if letter.is_ascii_uppercase() && !part.is_empty() {
            part.push('_');
        }
        part.push(letter.to_ascii_uppercase());
    }
    HealthRecord {
        r#type: part,
        status: status.status.as_str().to_owned(),
        status_reason: status.status_reason.clone(),
        last_updated: status.last_updated,
        last_status_change: status.last_status_change,
    }
}
