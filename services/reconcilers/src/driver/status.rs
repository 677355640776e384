//! What a loop has been doing: for people who ask the server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;

/// A loop as the internal status page shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LoopStatus {
    pub name: &'static str,
    /// This server runs the loop; other servers stand by.
    pub leading: bool,
    /// Keys that wait for a look, and that are looked at now.
    pub waiting: usize,
    pub running: usize,
    pub looks: u64,
    pub failures: u64,
    pub last_look_at: Option<DateTime<Utc>>,
    pub last_look_ms: f64,
    pub last_error: Option<String>,
    /// What was done since the server started, by name.
    pub did: BTreeMap<&'static str, u64>,
}

/// The status of one loop, shared between the loop and those who ask.
#[derive(Debug, Clone)]
pub(crate) struct StatusCell {
    status: Arc<Mutex<LoopStatus>>,
}

impl StatusCell {
    pub fn new(name: &'static str) -> Self {
        Self {
            status: Arc::new(Mutex::new(LoopStatus {
                name,
                ..LoopStatus::default()
            })),
        }
    }

    pub fn get(&self) -> LoopStatus {
        self.status.lock().clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut LoopStatus)) {
        change(&mut self.status.lock());
    }

    pub fn looked(&self, at: DateTime<Utc>, took: Duration, did: &[(&'static str, u64)]) {
        self.change(|status| {
            status.looks += 1;
            status.last_look_at = Some(at);
            status.last_look_ms = took.as_secs_f64() * 1000.0;
            for (name, number) in did.iter().filter(|(_, number)| *number > 0) {
                *status.did.entry(name).or_default() += number;
            }
        });
    }

    pub fn failed(&self, error: &str) {
        self.change(|status| {
            status.failures += 1;
            status.last_error = Some(error.to_owned());
        });
    }
}
