//! This server's lease: without it, other servers take its sessions for dead.

use std::time::Duration;

use store::leases;
use tokio::sync::watch;

use crate::gateway::Shared;

/// Longest wait for the sessions of this server to end before the lease is given back.
const LAST_SESSIONS: Duration = Duration::from_secs(3);

/// Whether the lease was taken.
pub(crate) struct Lease {
    held: watch::Sender<bool>,
}

impl Lease {
    pub fn new() -> Self {
        Self {
            held: watch::channel(false).0,
        }
    }

    /// Waits until this server has its lease: a session before that could be taken for one of a dead server.
    pub async fn held(&self) {
        // The sender lives as long as we do.
        let _ = self.held.subscribe().wait_for(|held| *held).await;
    }

    async fn take(&self, shared: &Shared) -> store::Result<()> {
        if *self.held.borrow() {
            return leases::renew(&shared.db, shared.server).await;
        }
        let awaited = leases::begin(&shared.db, shared.server, shared.now()).await?;
        if awaited > 0 {
            tracing::info!(
                agents = awaited,
                "there was no server for a while: agents have time to come back"
            );
        }
        Ok(())
    }

    /// Loop: renews the lease, and gives it back at the end.
    pub async fn run(&self, shared: &Shared) {
        let shutdown = shared.tasks.shutdown();
        while !shutdown.is_requested() {
            match self.take(shared).await {
                Ok(()) => {
                    self.held.send_replace(true);
                }
                Err(error) => tracing::warn!(%error, "the server's lease was not renewed"),
            }
            shutdown
                .unless_requested(tokio::time::sleep(leases::RENEWAL))
                .await;
        }
        let _ = tokio::time::timeout(LAST_SESSIONS, shared.dispatcher.empty()).await;
        if let Err(error) = leases::leave(&shared.db, shared.server, shared.now()).await {
            tracing::warn!(%error, "the server's lease was not given back");
        }
    }
}
