//! The thread that writes.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use kit::{Clock, Random, Shutdown};
use routing::attributes::LogPlace;
use tracing::warn;

use super::file::{self, LogFile};
use crate::state::LiveBalancer;

/// How often it looks at the clock while there is nothing to write.
const TICK: Duration = Duration::from_millis(200);
/// Most lines between two looks at the clock.
const BATCH: usize = 1024;
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A line with where it belongs.
pub(super) struct Entry {
    pub balancer: Arc<LiveBalancer>,
    pub kind: file::Kind,
    pub line: String,
}

impl Entry {
    fn place(&self) -> Option<&LogPlace> {
        let attributes = &self.balancer.attributes;
        match self.kind {
            file::Kind::Access => attributes.access_logs.as_ref(),
            file::Kind::Connection => attributes.connection_logs.as_ref(),
        }
    }
}

pub(super) struct Writer {
    directory: PathBuf,
    address: IpAddr,
    clock: Arc<dyn Clock>,
    random: Random,
    waiting: Receiver<Entry>,
    /// By balancer, bucket, prefix and kind.
    open: HashMap<(String, String, String, file::Kind), LogFile>,
}

impl Writer {
    pub fn new(
        directory: PathBuf,
        address: IpAddr,
        clock: Arc<dyn Clock>,
        random: Random,
        waiting: Receiver<Entry>,
    ) -> Self {
        Self {
            directory,
            address,
            clock,
            random,
            waiting,
            open: HashMap::new(),
        }
    }

    pub fn run(mut self, shutdown: &Shutdown) {
        loop {
            let is_last = shutdown.is_requested();
            match self.waiting.recv_timeout(TICK) {
                Ok(entry) => {
                    self.write(&entry);
                    self.write_waiting();
                }
                Err(RecvTimeoutError::Timeout) if !is_last => {}
                Err(_) => break,
            }
            self.close_finished();
        }
        for (_, file) in self.open.drain() {
            told(file.close());
        }
    }

    /// What was logged before the end of a period stands in that period's file.
    fn write_waiting(&mut self) {
        for _ in 0..BATCH {
            let Ok(entry) = self.waiting.try_recv() else {
                return;
            };
            self.write(&entry);
        }
    }

    fn write(&mut self, entry: &Entry) {
        let Some(place) = entry.place() else {
            return;
        };
        let key = (
            entry.balancer.arn.clone(),
            place.bucket.clone(),
            place.prefix.clone(),
            entry.kind,
        );
        if !self.open.contains_key(&key) {
            let end = file::period_end(self.clock.now());
            let random = self.random.text(ALPHABET, 8);
            let path = file::path(place, &entry.balancer, entry.kind, end, self.address, &random);
            match LogFile::create(self.directory.join(path), end) {
                Ok(file) => drop(self.open.insert(key.clone(), file)),
                Err(error) => return told(Err(error)),
            }
        }
        let written = self
            .open
            .get_mut(&key)
            .map_or(Ok(()), |file| file.write(&entry.line));
        if written.is_err() {
            self.open.remove(&key);
            told(written);
        }
    }

    fn close_finished(&mut self) {
        let now = self.clock.now();
        for (_, file) in self.open.extract_if(|_, file| file.end <= now) {
            told(file.close());
        }
    }
}

/// A log that cannot be written is no reason to serve no requests.
fn told(result: io::Result<()>) {
    if let Err(error) = result {
        warn!(%error, "access log not written");
    }
}
