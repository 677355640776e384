//! Events of a simulated host, and subscriptions to them.

use super::FakeRuntime;
use crate::event::{ContainerEvent, LabelFilter, RuntimeEvent};
use crate::runtime::EventStream;
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};
use std::collections::VecDeque;

/// The last events, each with its number; older ones are forgotten as by a real engine.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    events: VecDeque<ContainerEvent>,
    /// Number of the first event that is still there.
    first: u64,
    /// Grows when subscriptions are cut off by a test.
    pub(super) epoch: u64,
}

impl EventLog {
    const KEPT: usize = 4096;

    pub(super) fn push(&mut self, event: ContainerEvent) {
        if self.events.len() == Self::KEPT {
            self.events.pop_front();
            self.first += 1;
        }
        self.events.push_back(event);
    }

    /// Forgets all, as Docker does when it restarts.
    pub(super) fn forget(&mut self) {
        self.first += self.events.len() as u64;
        self.events.clear();
    }

    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn cursor(&self, since: Option<DateTime<Utc>>) -> u64 {
        let old = |since| self.events.iter().take_while(|event| event.at < since).count() as u64;
        since.map_or_else(|| self.end(), |since| self.first + old(since))
    }
}

struct Subscription {
    runtime: FakeRuntime,
    labels: Vec<LabelFilter>,
    cursor: u64,
    epoch: u64,
}

pub(super) fn subscribe(
    runtime: FakeRuntime,
    labels: Vec<LabelFilter>,
    since: Option<DateTime<Utc>>,
) -> EventStream {
    let (cursor, epoch) = {
        let state = runtime.shared.state.lock();
        (state.log.cursor(since), state.log.epoch)
    };
    let subscription = Subscription {
        runtime,
        labels,
        cursor,
        epoch,
    };
    stream::unfold(subscription, |mut subscription| async move {
        let event = subscription.next().await?;
        Some((event, subscription))
    })
    .boxed()
}

impl Subscription {
    async fn next(&mut self) -> Option<RuntimeEvent> {
        let mut changed = self.runtime.shared.changed.subscribe();
        loop {
            if let Some(event) = self.ready() {
                return Some(event);
            }
            changed.changed().await.ok()?;
        }
    }

    /// What can be delivered now.
    fn ready(&mut self) -> Option<RuntimeEvent> {
        let state = self.runtime.shared.state.lock();
        state.reachable().ok()?;
        let log = &state.log;
        if self.epoch != log.epoch || self.cursor < log.first {
            self.epoch = log.epoch;
            self.cursor = self.cursor.max(log.first);
            return Some(RuntimeEvent::Resubscribed);
        }
        while self.cursor < log.end() {
            let index = usize::try_from(self.cursor - log.first).ok()?;
            self.cursor += 1;
            let event = &log.events[index];
            if self.labels.iter().all(|label| label.matches(&event.labels)) {
                return Some(RuntimeEvent::Container(event.clone()));
            }
        }
        None
    }
}
