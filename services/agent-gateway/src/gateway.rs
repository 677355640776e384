//! The gateway as a whole: what its sessions share, and its routes.

use std::sync::Arc;
use std::time::Duration;

use auth::Verifier;
use axum::Router;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use kit::{Clock, Tasks};
use store::Db;
use uuid::Uuid;

use crate::dispatcher::Dispatcher;
use crate::lease::Lease;
use crate::{acs, tcs};

/// Agents give up a connection on which they heard nothing for a minute (2.3).
const LONGEST_BEAT: Duration = Duration::from_secs(30);
const SHORTEST_BEAT: Duration = Duration::from_secs(1);

/// What all sessions share.
pub(crate) struct Shared {
    pub db: Db,
    pub verifier: Arc<Verifier>,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub server: Uuid,
    pub dispatcher: Dispatcher,
    pub lease: Lease,
    pub liveness: Liveness,
}

impl Shared {
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// How a silent host is noticed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Liveness {
    /// No frame for this long: the host is gone.
    pub silence: Duration,
    /// Time between heartbeats; the agent answers each.
    pub beat: Duration,
}

impl Liveness {
    fn new(host_loss_after: TimeDelta) -> Self {
        let silence = host_loss_after
            .to_std()
            .unwrap_or(SHORTEST_BEAT)
            .max(SHORTEST_BEAT);
        Self {
            silence,
            beat: (silence / 3).clamp(SHORTEST_BEAT, LONGEST_BEAT),
        }
    }
}

/// The agents' side of a server. Clones share the same sessions.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    /// Starts the loops under `tasks`. An agent from which nothing is heard for `host_loss_after` is disconnected.
    pub fn start(
        db: Db,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        host_loss_after: TimeDelta,
        tasks: &Tasks,
    ) -> Self {
        let server = Uuid::new_v4();
        let shared = Arc::new(Shared {
            dispatcher: Dispatcher::new(db.clone(), clock.clone()),
            lease: Lease::new(),
            liveness: Liveness::new(host_loss_after),
            tasks: tasks.clone(),
            server,
            db,
            verifier,
            clock,
        });
        let of = shared.clone();
        tasks.spawn("agents-dispatcher", async move {
            of.dispatcher.run(of.tasks.shutdown()).await
        });
        let of = shared.clone();
        tasks.spawn("agents-stopping", async move {
            of.dispatcher.run_stopping(of.tasks.shutdown()).await
        });
        let of = shared.clone();
        tasks.spawn("server-lease", async move { of.lease.run(&of).await });
        Self { shared }
    }

    /// `GET /agent/acs/ws` and `/agent/tcs/ws`, under the addresses that DiscoverPollEndpoint gives.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/agent/acs/ws", get(acs::upgrade))
            .route("/agent/tcs/ws", get(tcs::upgrade))
            .with_state(self.shared.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_come_three_times_within_the_silence_that_is_allowed_but_at_least_twice_a_minute() {
        let beat = |seconds| Liveness::new(TimeDelta::milliseconds(seconds)).beat.as_millis();
        assert_eq!(
            [900, 3_000, 10_000, 300_000].map(beat),
            [1_000, 1_000, 3_333, 30_000]
        );
    }
}
