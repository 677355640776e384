//! Docker's event stream, taken up again wherever it breaks.

use super::containers::label_words;
use crate::container::{ContainerId, HealthState};
use crate::event::{ContainerEvent, ContainerEventKind, LabelFilter, RuntimeEvent};
use crate::runtime::EventStream;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// Docker takes the time of an event before it queues it, so the order of times may be slightly off: after a
/// break we ask again from this much before the last event and leave out what we have seen.
const OVERLAP: TimeDelta = TimeDelta::seconds(2);
/// More than Docker replays (256).
const REMEMBERED: usize = 1024;

pub(super) fn subscribe(
    docker: Docker,
    streaming: Docker,
    podman: bool,
    labels: Vec<LabelFilter>,
    since: Option<DateTime<Utc>>,
) -> EventStream {
    let since = since.unwrap_or_else(Utc::now);
    let subscription = Subscription {
        docker,
        streaming,
        podman,
        labels,
        since,
        last: since,
        source: None,
        seen: VecDeque::new(),
        broken: false,
        retry: FIRST_RETRY,
    };
    stream::unfold(subscription, |mut subscription| async move {
        let event = subscription.next().await;
        Some((event, subscription))
    })
    .boxed()
}

type Source = BoxStream<'static, Result<EventMessage, Error>>;
/// Time in nanoseconds, container and action tell an event from all others.
type Mark = (i64, String, String);

struct Subscription {
    docker: Docker,
    streaming: Docker,
    podman: bool,
    labels: Vec<LabelFilter>,
    /// What the reader asked for; nothing earlier is delivered.
    since: DateTime<Utc>,
    /// The latest event so far.
    last: DateTime<Utc>,
    source: Option<Source>,
    seen: VecDeque<Mark>,
    broken: bool,
    retry: Duration,
}

impl Subscription {
    async fn next(&mut self) -> RuntimeEvent {
        loop {
            let Some(source) = &mut self.source else {
                if let Some(notice) = self.connect().await {
                    return notice;
                }
                continue;
            };
            match source.next().await {
                Some(Ok(message)) => {
                    if let Some(event) = self.admit(message) {
                        return RuntimeEvent::Container(event);
                    }
                }
                Some(Err(error)) => self.lose(&error.to_string()),
                None => self.lose("the engine closed the stream"),
            }
        }
    }

    fn lose(&mut self, why: &str) {
        tracing::warn!(reason = why, "event stream of the container engine broke");
        self.source = None;
        self.broken = true;
    }

    /// Opens the stream. After a break this waits until the engine answers, and tells the reader.
    async fn connect(&mut self) -> Option<RuntimeEvent> {
        if self.broken {
            tokio::time::sleep(self.retry).await;
            // Back at the start with the next event: an engine that takes the subscription and drops it at once
            // must not be asked, nor the reader alarmed, ten times a second.
            self.retry = (self.retry * 2).min(LAST_RETRY);
            if self.docker.ping().await.is_err() {
                return None;
            }
        }
        self.source = Some(self.open());
        std::mem::take(&mut self.broken).then_some(RuntimeEvent::Resubscribed)
    }

    fn open(&self) -> Source {
        let mut filters = HashMap::from([("type", vec!["container".to_owned()])]);
        if !self.labels.is_empty() {
            filters.insert("label", label_words(&self.labels));
        }
        if !self.podman {
            // Podman has other names for some of these, so it is left to send all.
            let actions = ["create", "start", "die", "oom", "health_status", "destroy"];
            filters.insert("event", actions.map(str::to_owned).to_vec());
        }
        let from = (self.last - OVERLAP).max(self.since);
        let since = format!("{}.{:09}", from.timestamp(), from.timestamp_subsec_nanos());
        let options = EventsOptionsBuilder::default()
            .since(&since)
            .filters(&filters)
            .build();
        self.streaming.events(Some(options)).boxed()
    }

    /// Leaves out repetitions and what is none of ours.
    fn admit(&mut self, message: EventMessage) -> Option<ContainerEvent> {
        self.retry = FIRST_RETRY;
        let mark = mark_of(&message);
        if self.seen.contains(&mark) {
            return None;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        let at = DateTime::from_timestamp_nanos(mark.0);
        self.last = self.last.max(at);
        self.seen.push_back(mark);
        container_event(message, at)
    }
}

fn mark_of(message: &EventMessage) -> Mark {
    let seconds = || message.time.unwrap_or_default().saturating_mul(1_000_000_000);
    let id = message
        .actor
        .as_ref()
        .and_then(|actor| actor.id.clone())
        .unwrap_or_default();
    (
        message.time_nano.unwrap_or_else(seconds),
        id,
        message.action.clone().unwrap_or_default(),
    )
}

fn container_event(message: EventMessage, at: DateTime<Utc>) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let mut attributes = actor.attributes.unwrap_or_default();
    let exit_code = attributes
        .remove("exitCode")
        .or_else(|| attributes.remove("containerExitCode"));
    let kind = match message.action.as_deref()? {
        "create" => ContainerEventKind::Create,
        "start" => ContainerEventKind::Start,
        "die" | "died" => ContainerEventKind::Die {
            exit_code: exit_code?.parse().ok()?,
        },
        "oom" => ContainerEventKind::Oom,
        "destroy" | "remove" => ContainerEventKind::Destroy,
        "health_status: healthy" => ContainerEventKind::Health(HealthState::Healthy),
        "health_status: unhealthy" => ContainerEventKind::Health(HealthState::Unhealthy),
        _ => return None,
    };
    attributes.remove("execDuration");
    Some(ContainerEvent {
        id: ContainerId::from(actor.id?),
        name: attributes.remove("name").unwrap_or_default(),
        image: attributes.remove("image").unwrap_or_default(),
        labels: attributes.into_iter().collect(),
        at,
        kind,
    })
}
