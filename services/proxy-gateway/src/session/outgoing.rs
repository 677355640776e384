//! What a proxy is told: the difference between the picture and what it was sent.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures::SinkExt;
use futures::stream::SplitSink;
use routing::message::ToProxy;
use store::proxies::ProxySession;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::End;
use super::inbox::Inbox;
use crate::gateway::Shared;
use crate::loader::Attention;
use crate::picture::{Picture, Reach, encode};

type Sink = SplitSink<WebSocket, Message>;

/// Messages that are written before the newest picture is looked at again.
const AT_ONCE: usize = 64;

pub(super) struct Outgoing<'a> {
    shared: &'a Shared,
    described: &'a ProxySession,
    inbox: &'a Inbox,
    picture: watch::Receiver<Arc<Picture>>,
    /// Everything was read since this session began once the picture has so many reads.
    fresh_at: u64,
    /// Revisions by ARN.
    sent: HashMap<String, i64>,
    synced: bool,
    checks: Option<BTreeSet<String>>,
    _attention: Attention<'a>,
}

impl<'a> Outgoing<'a> {
    pub fn new(shared: &'a Shared, described: &'a ProxySession, inbox: &'a Inbox) -> Self {
        let attention = shared.loader.attend();
        let picture = shared.loader.subscribe();
        // One read may be under way that began before; the one after it has seen all that was there at the beginning.
        let fresh_at = picture.borrow().reads + 2;
        Self {
            shared,
            described,
            inbox,
            picture,
            fresh_at,
            sent: HashMap::new(),
            synced: false,
            checks: None,
            _attention: attention,
        }
    }

    /// Until the connection is over.
    pub async fn run(&mut self, sink: &mut Sink) -> End {
        let beat = (self.shared.settings.silence / 3).max(Duration::from_millis(100));
        let mut next_beat = Instant::now() + beat;
        loop {
            if let Err(end) = self.say_all(sink).await {
                return end;
            }
            tokio::select! {
                changed = self.picture.changed() => if changed.is_err() {
                    return End::Shutdown;
                },
                () = self.inbox.has_acknowledged() => {}
                () = sleep_until(next_beat) => {
                    next_beat = Instant::now() + beat;
                    if let Err(end) = self.write(sink, [Message::Ping(axum::body::Bytes::new())]).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Sends until the proxy has what the picture has.
    async fn say_all(&mut self, sink: &mut Sink) -> Result<(), End> {
        loop {
            let acknowledged = self.inbox.acknowledged();
            let texts = acknowledged
                .into_iter()
                .map(|sequence| encode(&ToProxy::Acknowledged { sequence }));
            self.write(sink, texts.map(Message::Text)).await?;
            let picture = self.picture.borrow_and_update().clone();
            if picture.reads < self.fresh_at {
                if !self.synced {
                    self.shared.loader.ask();
                }
                return Ok(());
            }
            let reach = picture.reach(&self.described.balancers);
            let (messages, more) = self.news(&picture, &reach);
            self.write(sink, messages.into_iter().map(Message::Text)).await?;
            if more {
                continue;
            }
            let last = self.last_words(&picture, &reach);
            return self.write(sink, last.iter().map(encode).map(Message::Text)).await;
        }
    }

    /// Rows that the proxy does not have as they are now, a few of them, and whether there are more. What others refer to comes first.
    fn news(&mut self, picture: &Picture, reach: &Reach<'_>) -> (Vec<Utf8Bytes>, bool) {
        let all = reach
            .certificates
            .iter()
            .chain(&reach.groups)
            .chain(&reach.balancers);
        let mut due = all.filter(|(arn, revision)| self.sent.get(**arn) != Some(revision));
        let now: Vec<(&&str, &i64)> = due.by_ref().take(AT_ONCE).collect();
        let more = due.next().is_some();
        let mut messages = Vec::new();
        for (arn, revision) in now {
            messages.extend(self.message(picture, arn));
            self.sent.insert((*arn).to_owned(), *revision);
        }
        (messages, more)
    }

    fn message(&self, picture: &Picture, arn: &str) -> Option<Utf8Bytes> {
        let opener = &self.shared.opener;
        if let Some(Some(group)) = picture.groups.get(arn) {
            return Some(group.message.clone());
        }
        if let Some(Some(certificate)) = picture.certificates.get(arn) {
            let certificate = certificate.open(opener)?;
            return Some(encode(&ToProxy::Certificate { certificate }));
        }
        let balancer = picture.balancers.get(arn)?.open(opener);
        Some(encode(&ToProxy::Balancer {
            balancer: Box::new(balancer),
        }))
    }

    /// What is said when everything is sent: what is gone, that this was all, and what to check.
    fn last_words(&mut self, picture: &Picture, reach: &Reach<'_>) -> Vec<ToProxy> {
        let mut words = Vec::new();
        let is_there = |arn: &str| {
            reach.balancers.contains_key(arn)
                || reach.groups.contains_key(arn)
                || reach.certificates.contains_key(arn)
        };
        let arns: Vec<String> = self.sent.keys().filter(|arn| !is_there(arn)).cloned().collect();
        if !arns.is_empty() {
            for arn in &arns {
                self.sent.remove(arn);
            }
            words.push(ToProxy::Gone { arns });
        }
        if !self.synced {
            self.synced = true;
            words.push(ToProxy::Synced);
        }
        let checks = picture
            .checks
            .get(&self.described.session)
            .cloned()
            .unwrap_or_default();
        if self.checks.as_ref() != Some(&checks) {
            words.push(ToProxy::Checks {
                target_groups: checks.iter().cloned().collect(),
            });
            self.checks = Some(checks);
        }
        words
    }

    /// Writes messages together. A proxy that does not read is as good as silent.
    async fn write(&self, sink: &mut Sink, messages: impl IntoIterator<Item = Message>) -> Result<(), End> {
        let mut messages = messages.into_iter().peekable();
        if messages.peek().is_none() {
            return Ok(());
        }
        let writing = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        match timeout(self.shared.settings.silence, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Silent),
        }
    }
}
