//! Bodies with which the control plane refuses a websocket.

use crate::wire::{self, words};
use serde_json::{Map, Value, json};

words! {
    /// Why a websocket was refused.
    pub enum RefusalKind {
        /// The control plane failed.
        ServerException = "ServerException",
        /// The request was not understood.
        BadRequestException = "BadRequestException",
        /// No such cluster.
        InvalidClusterException = "InvalidClusterException",
        /// No such container instance.
        InvalidInstanceException = "InvalidInstanceException",
        /// Wrong signature or no right to connect.
        AccessDeniedException = "AccessDeniedException",
        /// The container instance was deregistered: the agent waits an hour, its tasks go on.
        InactiveInstanceException = "InactiveInstanceException",
    }
}

/// A refusal: body of an answer that is not `101 Switching Protocols`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Refusal {
    /// Why.
    pub kind: RefusalKind,
    /// In words.
    pub message: String,
}

impl Refusal {
    /// Agents read no more than this many bytes of the body.
    pub const MAX_BODY_BYTES: usize = 1024;

    /// A refusal with its text.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Writes the body: `{"type":T,"message":{"message":text}}`.
    pub fn encode(&self) -> String {
        wire::seal(self.kind.as_str(), &json!({ "message": self.message }))
    }

    /// Reads a body in either form, the envelope or `{"T":"text"}`. `None` if it is neither.
    pub fn decode(body: &str) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_str(body).ok()?;
        if let Some(kind) = object.get("type").and_then(Value::as_str) {
            let text = object.get("message").and_then(|message| message.get("message"));
            return Some(Self::new(
                kind.into(),
                text.and_then(Value::as_str).unwrap_or_default(),
            ));
        }
        let mut members = object.iter();
        match (members.next(), members.next()) {
            (Some((kind, Value::String(text))), None) => Some(Self::new(kind.as_str().into(), text)),
            _ => None,
        }
    }
}
