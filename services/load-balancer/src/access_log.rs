//! Access logs as ELB writes them (LB-38): one gzip file for each load balancer and five minutes, under the names that ELB gives them in
//! a bucket. Lines are handed over without waiting; what the writer cannot keep up with is dropped and counted.

mod connection;
mod file;
mod flow;
mod request;
mod text;
mod writer;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use kit::{Clock, Random, Shutdown};

use crate::l4::FlowRecord;
use crate::record::{ConnectionEvent, Observer, Record};
use crate::state::{LiveBalancer, LiveListener};

pub use connection::ConnectionRecord;
use writer::{Entry, Writer};

/// Lines that wait to be written; more are dropped.
const WAITING_LINES: usize = 16_384;

/// Takes lines for the logs. Clones write into the same files.
#[derive(Clone)]
pub struct AccessLog {
    lines: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// The half that writes; it has to be run.
pub struct AccessLogWriter {
    writer: Writer,
}

impl AccessLog {
    /// Logs under `directory`, with `address` as this proxy's in the names of files.
    pub fn new(
        directory: PathBuf,
        address: IpAddr,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> (Self, AccessLogWriter) {
        let (lines, waiting) = sync_channel(WAITING_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(directory, address, clock, random, waiting);
        (Self { lines, dropped }, AccessLogWriter { writer })
    }

    /// Lines that were dropped since the process began.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// A connection to an application balancer was made, or did not come about (connection logs).
    pub fn client_connection(&self, record: &ConnectionRecord<'_>) {
        let balancer = &record.listener.balancer;
        if balancer.attributes.connection_logs.is_some() {
            self.hand_over(balancer, file::Kind::Connection, record.to_string());
        }
    }

    fn hand_over(&self, balancer: &Arc<LiveBalancer>, kind: file::Kind, line: String) {
        let entry = Entry {
            balancer: balancer.clone(),
            kind,
            line,
        };
        if self.lines.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer for AccessLog {
    fn request(&self, record: &Record<'_>) {
        let balancer = &record.listener.balancer;
        if balancer.attributes.access_logs.is_some() {
            self.hand_over(balancer, file::Kind::Access, request::line(record));
        }
    }

    fn connection(&self, _event: ConnectionEvent<'_>) {}

    /// Network balancers log flows of TLS listeners only.
    fn flow(&self, record: &FlowRecord<'_>) {
        let LiveListener { balancer, config, .. } = record.listener;
        if balancer.attributes.access_logs.is_some() && config.tls.is_some() {
            self.hand_over(balancer, file::Kind::Access, flow::Line(record).to_string());
        }
    }
}

impl AccessLogWriter {
    /// Writes until `shutdown` is requested, then what still waits, and closes all files. Ask for that shutdown after the connections
    /// have drained, as their last lines come with their end.
    ///
    /// # Errors
    /// When the writing thread panicked.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), tokio::task::JoinError> {
        tokio::task::spawn_blocking(move || self.writer.run(&shutdown)).await
    }
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog")
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
