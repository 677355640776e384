//! What is noted of a request while it is served, for metrics and access logs (LB-38).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::connection::Client;
use super::head::{Known, RequestHead, Version};
use crate::record::{ExecutedAction, Record, RequestKind};
use crate::state::{Group, LiveListener, LiveTarget};

/// One request's notes.
pub struct Account {
    pub started: Instant,
    pub created_at: DateTime<Utc>,
    pub rule_priority: Option<u32>,
    pub rules_evaluated: usize,
    actions: [ExecutedAction; 4],
    executed: usize,
    pub redirect_url: Option<String>,
    pub group: Option<Arc<Group>>,
    pub target: Option<Arc<LiveTarget>>,
    /// The request was on its way to the target.
    pub sent_at: Option<Instant>,
    /// The head of the target's response was there.
    pub head_at: Option<Instant>,
    /// The head was on its way to the client.
    pub replied_at: Option<Instant>,
    pub elb_status: Option<u16>,
    pub target_status: Option<u16>,
    pub error_reason: Option<&'static str>,
    pub upgraded: bool,
    pub grpc: bool,
}

impl Account {
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            created_at: Utc::now(),
            rule_priority: None,
            rules_evaluated: 0,
            actions: [ExecutedAction::Forward; 4],
            executed: 0,
            redirect_url: None,
            group: None,
            target: None,
            sent_at: None,
            head_at: None,
            replied_at: None,
            elb_status: None,
            target_status: None,
            error_reason: None,
            upgraded: false,
            grpc: false,
        }
    }

    pub fn executed(&mut self, action: ExecutedAction) {
        if let Some(place) = self.actions.get_mut(self.executed) {
            *place = action;
            self.executed += 1;
        }
    }

    /// Counts the request and tells the observers of it.
    pub fn close(
        &self,
        client: &Client,
        listener: &LiveListener,
        request: &RequestHead,
        url: &str,
        trace_id: &str,
        traffic: (u64, u64),
    ) {
        if let Some(target) = &self.target {
            target.counters.requests.fetch_add(1, Ordering::Relaxed);
            let failed = self
                .target_status
                .map_or(self.elb_status != Some(460), |status| status >= 500);
            if failed {
                target.counters.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(group) = &self.group {
            group.counters.requests.fetch_add(1, Ordering::Relaxed);
        }
        if client.plane.observers.is_empty() {
            return;
        }
        let between = |from: Option<Instant>, to: Option<Instant>| Some(to?.saturating_duration_since(from?));
        let agent = request.fields.first(Known::UserAgent);
        client.plane.observe_request(&Record {
            kind: self.kind(client, request),
            listener,
            rule_priority: self.rule_priority,
            rules_evaluated: self.rules_evaluated,
            client: client.peer,
            group: self.group.as_deref(),
            target: self.target.as_deref(),
            request_processing: between(Some(self.started), self.sent_at),
            target_processing: between(self.sent_at, self.head_at),
            response_processing: between(self.head_at, self.replied_at),
            elb_status: self.elb_status,
            target_status: self.target_status,
            received_bytes: traffic.0,
            sent_bytes: traffic.1,
            method: request.method(),
            url,
            version: request.version.name(),
            user_agent: agent.and_then(|agent| std::str::from_utf8(agent).ok()),
            tls: client.tls.as_ref(),
            trace_id,
            created_at: self.created_at,
            took: self.started.elapsed(),
            actions: &self.actions[..self.executed],
            redirect_url: self.redirect_url.as_deref(),
            error_reason: self.error_reason,
            classification: request.classification,
            classification_reason: request.classification_reason,
        });
    }

    fn kind(&self, client: &Client, request: &RequestHead) -> RequestKind {
        match (self.upgraded, client.tls.is_some(), request.version) {
            (true, false, _) => RequestKind::Ws,
            (true, true, _) => RequestKind::Wss,
            (false, true, Version::H2) if self.grpc => RequestKind::Grpcs,
            (false, true, Version::H2) => RequestKind::H2,
            (false, true, _) => RequestKind::Https,
            (false, false, _) => RequestKind::Http,
        }
    }
}
