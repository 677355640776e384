//! "Look again": hints that something changed, within this server at once and to other servers by NOTIFY.
//!
//! NOTIFY inside a transaction would make Postgres commit one transaction at a time, so wakes are sent after the commit, many in one
//! statement. A wake may be lost (the process may die in between); whoever listens also looks by itself from time to time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::Shutdown;
use parking_lot::Mutex;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

const CHANNEL: &str = "berth";
/// Wakes that a slow listener may fall behind before it has to look at everything.
const BACKLOG: usize = 16_384;
/// NOTIFY payloads are at most 8,000 bytes; a wake is at most 40.
const PER_NOTIFY: usize = 150;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wake {
    /// There may be something to tell this container instance's agent (its id).
    Instance(Uuid),
    /// Resources, state or attributes of this instance of this cluster changed: (cluster, instance).
    Host(i64, Uuid),
    /// This service may need something (its row id).
    Service(i64),
    /// A load balancer, target group, target or certificate changed: what proxies serve, or what is agreed of a target's health.
    Routes,
    /// Anything may have changed: sent to listeners that fell behind or were reconnected, and after a reset.
    Everything,
}

impl Wake {
    fn encode(self) -> String {
        match self {
            Wake::Instance(id) => format!("i{}", id.simple()),
            Wake::Host(cluster, id) => format!("h{}.{cluster}", id.simple()),
            Wake::Service(id) => format!("s{id}"),
            Wake::Routes => "r".to_owned(),
            Wake::Everything => "*".to_owned(),
        }
    }

    fn decode(text: &str) -> Option<Wake> {
        match text {
            "*" => return Some(Wake::Everything),
            "r" => return Some(Wake::Routes),
            _ => {}
        }
        let (kind, rest) = text.split_at_checked(1)?;
        match kind {
            "i" => rest.parse().ok().map(Wake::Instance),
            "s" => rest.parse().ok().map(Wake::Service),
            "h" => {
                let (id, cluster) = rest.split_once('.')?;
                Some(Wake::Host(cluster.parse().ok()?, id.parse().ok()?))
            }
            _ => None,
        }
    }
}

/// Sends and receives wakes. Clones share the same channel.
#[derive(Clone)]
pub struct Wakes {
    local: broadcast::Sender<Wake>,
    outbox: Arc<Mutex<BTreeSet<Wake>>>,
    pending: Arc<Notify>,
    /// Tells our own notices from those of other servers.
    origin: Uuid,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self {
            local: broadcast::channel(BACKLOG).0,
            outbox: Arc::default(),
            pending: Arc::default(),
            origin: Uuid::new_v4(),
        }
    }

    /// Wakes the listeners of this process now and those of other servers soon. Call after the commit.
    pub fn send(&self, wake: Wake) {
        let _ = self.local.send(wake);
        self.outbox.lock().insert(wake);
        self.pending.notify_one();
    }

    pub fn listen(&self) -> Listener {
        Listener {
            receiver: self.local.subscribe(),
        }
    }

    /// Loop: passes this server's wakes on to the other servers.
    pub async fn run_sender(self, pool: PgPool, shutdown: Shutdown) {
        while shutdown.unless_requested(self.pending.notified()).await.is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let batch: Vec<Wake> = std::mem::take(&mut *self.outbox.lock()).into_iter().collect();
            for part in batch.chunks(PER_NOTIFY) {
                let texts: Vec<String> = part.iter().map(|wake| wake.encode()).collect();
                let payload = format!("{}:{}", self.origin.simple(), texts.join(","));
                let sent = sqlx::query("SELECT pg_notify($1, $2)")
                    .bind(CHANNEL)
                    .bind(payload)
                    .execute(&pool)
                    .await;
                if let Err(error) = sent {
                    // Others look by themselves; keeping the wakes would only let them pile up.
                    tracing::debug!(%error, "wakes were not passed on");
                }
            }
        }
    }

    /// Loop: takes in the wakes of other servers. After a gap in the connection everything may have changed.
    pub async fn run_receiver(self, pool: PgPool, shutdown: Shutdown) {
        let listening = async {
            loop {
                match PgListener::connect_with(&pool).await {
                    Ok(mut listener) => {
                        if listener.listen(CHANNEL).await.is_ok() {
                            let _ = self.local.send(Wake::Everything);
                            self.receive(&mut listener).await;
                        }
                    }
                    Err(error) => tracing::debug!(%error, "cannot listen for wakes"),
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let _: Option<()> = shutdown.unless_requested(listening).await;
    }

    async fn receive(&self, listener: &mut PgListener) {
        // `try_recv` gives None when the connection was lost in between.
        while let Ok(Some(notice)) = listener.try_recv().await {
            let Some((origin, texts)) = notice.payload().split_once(':') else {
                continue;
            };
            if origin == self.origin.simple().to_string() {
                continue;
            }
            for wake in texts.split(',').filter_map(Wake::decode) {
                let _ = self.local.send(wake);
            }
        }
    }
}

/// Receives the wakes that were sent after it was made.
pub struct Listener {
    receiver: broadcast::Receiver<Wake>,
}

impl Listener {
    /// The next wake. Falling behind shows as [`Wake::Everything`]. Waits for ever once all senders are gone.
    pub async fn next(&mut self) -> Wake {
        match self.receiver.recv().await {
            Ok(wake) => wake,
            Err(broadcast::error::RecvError::Lagged(_)) => Wake::Everything,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_survives_its_payload() {
        let id = Uuid::new_v4();
        for wake in [
            Wake::Instance(id),
            Wake::Host(42, id),
            Wake::Service(7),
            Wake::Routes,
            Wake::Everything,
        ] {
            assert_eq!(Wake::decode(&wake.encode()), Some(wake));
        }
        assert_eq!(Wake::decode(""), None);
        assert_eq!(Wake::decode("ä"), None);
        assert_eq!(Wake::decode("hx.1"), None);
    }
}
