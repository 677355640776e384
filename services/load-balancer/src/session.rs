//! The proxy's session with a server: what to serve comes in, how things are goes out. Without a server the proxy goes on with what it has.

mod connect;
mod listen;
mod outbox;
mod snapshot;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth::KeyPair;
use kit::{Backoff, Clock, Random, Shutdown};
use routing::message::FromProxy;
use routing::{Balancer, Certificate, TargetGroup};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub use connect::ConnectError;
pub use outbox::Outbox;
pub use snapshot::{Kept, KeptError};

/// Pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Pause after another proxy has taken over under our name: two that bear it by mistake must not fight.
const AFTER_REPLACED: Duration = Duration::from_secs(30);
/// A connection that lived so long proves that connecting works again.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Who this proxy is and where its server is.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Base URL, `http://` or `https://`.
    pub server: String,
    /// The operator's.
    pub key_pair: KeyPair,
    /// Signed for; any that the server serves.
    pub region: String,
    /// Unique among proxies.
    pub name: String,
    /// Another one at each start of the process.
    pub boot: String,
    pub version: String,
    pub metrics_address: Option<SocketAddr>,
    /// Names or ARNs of the balancers to serve; empty: all.
    pub balancers: Vec<String>,
    /// File that holds what is served, so that a restart needs no server; none: not kept.
    pub kept: Option<PathBuf>,
    /// Nothing heard for so long: the connection is dead. The server speaks at least three times in 10 s.
    pub silence: Duration,
}

/// What a session keeps up to date.
pub trait Served: Send + Sync + 'static {
    /// Puts it in force unless this revision of it is.
    fn set_balancer(&self, balancer: Balancer);
    fn set_target_group(&self, group: TargetGroup);
    fn set_certificate(&self, certificate: Certificate);
    /// Takes these away.
    fn remove(&self, arns: &[String]);
    /// Takes away everything else.
    fn retain(&self, arns: &HashSet<String>);
    /// The groups to check from now on.
    fn assign_checks(&self, target_groups: Vec<String>);
    /// Whether there is a server. When one has come, the health of all targets is to be reported anew.
    fn connected(&self, is_connected: bool);
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Gone,
    Silent,
    Replaced,
    Shutdown,
}

/// A proxy's side of the session.
pub struct Session {
    config: SessionConfig,
    served: Arc<dyn Served>,
    outbox: Outbox,
    health: UnboundedReceiver<FromProxy>,
    kept: Kept,
    synced: watch::Sender<bool>,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Session {
    /// A session that tells what is put into `outbox` and what comes out of `health`.
    pub fn new(
        config: SessionConfig,
        served: Arc<dyn Served>,
        outbox: Outbox,
        health: UnboundedReceiver<FromProxy>,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Self {
        let kept = Kept::new(config.kept.clone());
        Self {
            config,
            served,
            outbox,
            health,
            kept,
            synced: watch::channel(false).0,
            clock,
            random,
        }
    }

    /// Becomes true when everything that the server has for this proxy is in force.
    pub fn synced(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }

    /// Puts in force what was kept by an earlier process. Gives the ARNs of the balancers.
    ///
    /// # Errors
    /// When the file is there and cannot be used; the server has everything.
    pub fn restore(&mut self) -> Result<Vec<String>, KeptError> {
        self.kept.load()?;
        self.kept.put_in_force(&*self.served);
        Ok(self.kept.balancers())
    }

    /// Connects again and again until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        while !shutdown.is_requested() {
            let begun = Instant::now();
            let attempt = connect::open(&self.config, self.clock.now());
            let pause = match shutdown.unless_requested(attempt).await {
                None => break,
                Some(Err(error)) => {
                    if backoff.failures().is_multiple_of(10) {
                        tracing::warn!(%error, server = self.config.server, "no session with the server; serving what is known");
                    }
                    backoff.next_delay(&self.random)
                }
                Some(Ok(socket)) => {
                    self.served.connected(true);
                    let end = self.listen(socket, &shutdown).await;
                    self.served.connected(false);
                    tracing::info!(?end, "the session with the server is over");
                    if begun.elapsed() >= STABLE_AFTER {
                        backoff.reset();
                    }
                    match end {
                        End::Replaced => {
                            self.kept.leave_to_others();
                            tracing::info!(
                                name = self.config.name,
                                "another proxy has connected under this name; if it is no successor, one of them needs another name"
                            );
                            AFTER_REPLACED
                        }
                        _ => backoff.next_delay(&self.random),
                    }
                }
            };
            self.wait(pause, &shutdown).await;
        }
        self.kept.write_now().await;
    }

    /// Nobody hears meanwhile what the checks find; it is all told anew.
    async fn wait(&mut self, pause: Duration, shutdown: &Shutdown) {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = &mut over => return,
                Some(_) = self.health.recv() => {}
                () = self.kept.write_when_due() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
