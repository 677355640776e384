//! One agent's control session, from the upgrade to the last frame.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use agent_protocol::acs::{AckRequest, HeartbeatMessage, TaskStopVerificationMessage};
use agent_protocol::{AcsFromAgent, AcsToAgent};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use chrono::{DateTime, Utc};
use domain::{DesiredStatus, InstanceStatus, TaskId, TaskStatus};
use futures::SinkExt;
use store::instances::{self, Look, Session, Unsettled};
use store::task_reports::{self, TaskReport};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::deliveries::{Deliveries, PATIENCE};
use super::{mark_disconnected, messages};
use crate::dispatcher::{Order, Told};
use crate::gateway::Shared;
use crate::payload::{self, Host, PayloadError};

/// How often a session looks by itself, should a wake have been lost.
const LOOK_PERIOD: Duration = Duration::from_secs(15);
/// An alarm that comes this late says nothing about the agent.
const STALL: Duration = Duration::from_secs(1);
/// How long the peer may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The agent closed, or the connection broke.
    Gone,
    /// Nothing was heard for too long: the host is lost.
    Silent,
    /// Another session of this agent counts now.
    Replaced,
    /// The next connection is refused with the reason.
    Deregistered,
    Shutdown,
}

struct Acs {
    shared: Arc<Shared>,
    host: Host,
    session: Session,
    socket: WebSocket,
    /// For `seqNum` and `timeline`, which are message ids too.
    numbers: Range<i64>,
    deliveries: Deliveries,
    manifest: Manifest,
    heard: Instant,
    heard_at: DateTime<Utc>,
    next_look: Instant,
}

/// How far the agent has been told what should run.
enum Manifest {
    Asked,
    Sent { message: String, at: Instant },
    Taken { message: String },
}

/// Runs the session to its end and marks it.
pub(super) async fn run(
    shared: Arc<Shared>,
    host: Host,
    session: Session,
    numbers: Range<i64>,
    socket: WebSocket,
) {
    let mut orders = shared.dispatcher.join(session.instance, session.session);
    shared.dispatcher.ask_for_manifest(session.instance);
    tracing::info!(instance = %host.instance, cluster = host.cluster, version = session.agent_version, "agent connected");
    let now = Instant::now();
    let mut acs = Acs {
        heard: now,
        heard_at: shared.now(),
        // Sessions that begin together do not look together for ever.
        next_look: now + LOOK_PERIOD.mul_f64(0.5 + f64::from(session.session.as_bytes()[0]) / 512.0),
        deliveries: Deliveries::default(),
        manifest: Manifest::Asked,
        shared,
        host,
        session,
        socket,
        numbers,
    };
    let end = acs.talk(&mut orders).await;
    acs.close(end).await;
    acs.shared
        .dispatcher
        .leave(acs.session.instance, acs.session.session);
    tracing::info!(instance = %acs.host.instance, ?end, "agent disconnected");
    // At the shutdown the lease's end marks all sessions at once.
    if end != End::Shutdown {
        let last_heard = if end == End::Silent {
            acs.heard_at
        } else {
            acs.shared.now()
        };
        mark_disconnected(&acs.shared, &acs.host, &acs.session, last_heard).await;
    }
}

impl Acs {
    async fn talk(&mut self, orders: &mut UnboundedReceiver<Order>) -> End {
        let shutdown = self.shared.tasks.shutdown().clone();
        let liveness = self.shared.liveness;
        let mut beat = Instant::now() + liveness.beat;
        loop {
            let alarm = beat.min(self.heard + liveness.silence);
            // What an agent has said counts before the time that has passed.
            let step = tokio::select! {
                biased;
                () = shutdown.requested() => Err(End::Shutdown),
                frame = self.socket.recv() => match frame {
                    Some(Ok(frame)) => self.hear(frame).await,
                    Some(Err(_)) | None => Err(End::Gone),
                },
                order = orders.recv() => match order {
                    Some(Order::Look(told)) => self.obey(*told).await,
                    Some(Order::Replaced) | None => Err(End::Replaced),
                },
                () = sleep_until(alarm) => {
                    let now = Instant::now();
                    if now >= alarm + STALL {
                        // This process stood still, so nobody was asked for a sign of life.
                        self.heard = now;
                    }
                    if now >= self.heard + liveness.silence {
                        Err(End::Silent)
                    } else {
                        beat = now + liveness.beat;
                        self.beat(now).await
                    }
                },
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// A heartbeat, and whatever is to be looked at from time to time.
    async fn beat(&mut self, now: Instant) -> Result<(), End> {
        let message_id = Some(Uuid::new_v4().to_string());
        self.send([AcsToAgent::Heartbeat(HeartbeatMessage {
            message_id,
            healthy: true,
        })])
        .await?;
        if matches!(&self.manifest, Manifest::Sent { at, .. } if now >= *at + PATIENCE) {
            self.manifest = Manifest::Asked;
            self.shared.dispatcher.ask_for_manifest(self.session.instance);
        }
        if now >= self.next_look || self.deliveries.overdue(now) {
            self.next_look = now + LOOK_PERIOD;
            self.shared.dispatcher.ask(self.session.instance);
        }
        Ok(())
    }

    async fn hear(&mut self, frame: Message) -> Result<(), End> {
        self.heard = Instant::now();
        self.heard_at = self.shared.now();
        // Pings and closes are answered by the socket itself when it is read on.
        let Message::Text(text) = frame else { return Ok(()) };
        match AcsFromAgent::decode(&text) {
            Ok(AcsFromAgent::Ack(ack)) => {
                self.take_ack(&ack);
                Ok(())
            }
            Ok(AcsFromAgent::TaskStopVerification(asked)) => self.verify_stops(asked).await,
            Ok(AcsFromAgent::Nack(nack)) => {
                tracing::info!(instance = %self.host.instance, reason = nack.reason, "the agent refused a message");
                Ok(())
            }
            Ok(
                AcsFromAgent::HeartbeatAck(_)
                | AcsFromAgent::IamRoleCredentialsAck(_)
                | AcsFromAgent::Unknown { .. },
            ) => Ok(()),
            Err(error) => {
                tracing::debug!(instance = %self.host.instance, %error, "a frame could not be read");
                Ok(())
            }
        }
    }

    fn take_ack(&mut self, ack: &AckRequest) {
        if let Manifest::Sent { message, .. } = &self.manifest
            && *message == ack.message_id
        {
            self.manifest = Manifest::Taken {
                message: ack.message_id.clone(),
            };
        } else if let Some((task, DesiredStatus::Stopped)) = self.deliveries.taken(&ack.message_id) {
            self.shared.dispatcher.stopping(task);
        }
    }

    /// Confirms those of the agent's tasks that really should not run here (2.7).
    async fn verify_stops(&mut self, asked: TaskStopVerificationMessage) -> Result<(), End> {
        let latest = match &self.manifest {
            Manifest::Sent { message, .. } | Manifest::Taken { message } => *message == asked.message_id,
            Manifest::Asked => false,
        };
        if !latest {
            return Ok(());
        }
        let instance = self.session.instance;
        let Ok(mut should_run) = instances::should_run(&self.shared.db, &[instance], self.shared.now()).await
        else {
            // Without an answer the agent goes on; the next manifest asks again.
            self.manifest = Manifest::Asked;
            self.shared.dispatcher.ask_for_manifest(instance);
            return Ok(());
        };
        let should_run = should_run.remove(&instance).unwrap_or_default();
        match messages::confirmed_stops(asked, &should_run, self.shared.now()) {
            Some(confirmation) => self.send([confirmation]).await,
            None => Ok(()),
        }
    }

    /// Tells the agent what the database says and it does not know yet.
    async fn obey(&mut self, told: Told) -> Result<(), End> {
        let Some(look) = &told.look else {
            return Err(End::Deregistered);
        };
        if look.status == InstanceStatus::Inactive {
            return Err(End::Deregistered);
        }
        if look.session_id != Some(self.session.session) {
            return Err(End::Replaced);
        }
        let mut outgoing = Vec::new();
        if let (Some(tasks), Manifest::Asked) = (&told.manifest, &self.manifest) {
            outgoing.push(self.manifest(tasks).await?);
        }
        self.payloads(look, &told, &mut outgoing).await?;
        self.send(outgoing).await
    }

    async fn manifest(&mut self, tasks: &[Uuid]) -> Result<AcsToAgent, End> {
        let timeline = self.number().await?;
        self.manifest = Manifest::Sent {
            message: timeline.to_string(),
            at: Instant::now(),
        };
        Ok(messages::manifest(&self.host, timeline, tasks, self.shared.now()))
    }

    /// One task in each message: a bad one must not hold up others (2.6).
    async fn payloads(
        &mut self,
        look: &Look,
        told: &Told,
        outgoing: &mut Vec<AcsToAgent>,
    ) -> Result<(), End> {
        let now = Instant::now();
        for task in self.deliveries.due(&look.tasks, now) {
            let Some(definition) = told.definitions.get(&task.assignment.task_definition_id) else {
                continue;
            };
            let built = match task.desired_status {
                DesiredStatus::Running => {
                    let log_mode = told.log_modes.of(&self.host.scope);
                    payload::start(&self.host, definition, &task.assignment, log_mode)
                }
                DesiredStatus::Stopped => Ok(payload::stop(&self.host, definition, &task.assignment)),
            };
            match built {
                Ok(built) => {
                    let number = self.number().await?;
                    self.deliveries.sent(task, number.to_string(), now);
                    outgoing.push(messages::payload(&self.host, number, built, self.shared.now()));
                }
                Err(error) => self.give_up(task, &error).await,
            }
        }
        Ok(())
    }

    /// A task that cannot be handed over has failed to start; no agent will report that.
    async fn give_up(&mut self, task: &Unsettled, error: &PayloadError) {
        let report = TaskReport {
            status: Some(TaskStatus::Stopped),
            reason: Some(error.to_string()),
            ..TaskReport::default()
        };
        let (id, Host { scope, cluster, .. }) = (TaskId(task.assignment.id), &self.host);
        let done = task_reports::apply(&self.shared.db, scope, cluster, id, &report, self.shared.now()).await;
        if let Err(error) = done {
            tracing::warn!(task = %id, %error, "a task that cannot run could not be stopped");
        }
    }

    /// The next number of this instance.
    async fn number(&mut self) -> Result<i64, End> {
        if let Some(number) = self.numbers.next() {
            return Ok(number);
        }
        match instances::reserve_numbers(&self.shared.db, self.session.instance).await {
            Ok(numbers) => self.numbers = numbers,
            Err(error) => {
                tracing::warn!(instance = %self.host.instance, %error, "no numbers for messages");
                return Err(End::Gone);
            }
        }
        self.numbers.next().ok_or(End::Gone)
    }

    /// Writes the messages together. An agent that does not read is as good as silent.
    async fn send(&mut self, messages: impl IntoIterator<Item = AcsToAgent>) -> Result<(), End> {
        let socket = &mut self.socket;
        let write = async {
            for message in messages {
                socket.feed(Message::text(message.encode())).await?;
            }
            socket.flush().await
        };
        match timeout(self.shared.liveness.silence, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Silent),
        }
    }

    /// Codes after which agents come back at once (2.3).
    async fn close(&mut self, end: End) {
        let (code, reason) = match end {
            End::Gone => return,
            End::Shutdown => (close_code::AWAY, "the server is shutting down"),
            End::Silent => (close_code::NORMAL, "nothing was heard"),
            End::Replaced => (close_code::NORMAL, "another session has taken over"),
            End::Deregistered => (close_code::NORMAL, "the container instance was deregistered"),
        };
        let goodbye = async {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() && end != End::Silent {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }
}
