//! The loops of a started agent, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kit::{Backoff, Shutdown, Tasks};

use super::AgentError;
use crate::engine::{self, Engine};
use crate::host::Host;
use crate::metadata::{self, redirect};
use crate::session::acs::AcsSession;
use crate::session::api::ApiClient;
use crate::session::link::Link;
use crate::session::tcs::TcsSession;
use crate::task::record::TaskRecord;

/// How long what is under way may take to end at a shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// Ends everything that an agent spawned when its future is dropped, as if the process had been killed.
struct KillOnDrop {
    killed: Shutdown,
    shutdown: Shutdown,
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.killed.request();
        self.shutdown.request();
    }
}

/// A started agent.
pub struct Running {
    engine: Arc<Engine>,
    supervisor: Tasks,
    kill: KillOnDrop,
    redirected: Option<SocketAddr>,
}

impl Running {
    /// Takes up the tasks of an earlier process, and listens to the engine.
    pub fn new(host: Arc<Host>, tasks: Vec<TaskRecord>, shutdown: &Shutdown) -> Self {
        let supervisor = Tasks::new(shutdown.child());
        let kill = KillOnDrop {
            killed: Shutdown::new(),
            shutdown: supervisor.shutdown().clone(),
        };
        // Before the workers look at their containers: whatever ends after that look is heard.
        let events = engine::subscribe(&host);
        let engine = Engine::start(host, tasks, supervisor.clone(), kill.killed.clone());
        let running = Self {
            engine: engine.clone(),
            supervisor,
            kill,
            redirected: None,
        };
        let shutdown = running.supervisor.shutdown().clone();
        running.spawn("events", async move {
            shutdown.unless_requested(engine.watch_events(events)).await;
        });
        running
    }

    /// Begins to serve containers and the server. `lost` are ids of tasks of which there is no usable record.
    pub async fn serve(
        &mut self,
        link: Arc<Link>,
        endpoint: Option<metadata::Endpoint>,
        api: Arc<ApiClient>,
        manifest_timeline: i64,
        lost: &[String],
    ) {
        let engine = self.engine.clone();
        let shutdown = self.supervisor.shutdown().clone();
        if let Some(endpoint) = endpoint {
            let first = endpoint.addresses().first().copied();
            self.redirected = first.filter(|_| endpoint.well_known);
            self.spawn("metadata", endpoint.serve(engine.clone(), api, shutdown.clone()));
        }
        if engine.host().config.image_cleanup.enabled {
            let (engine, shutdown) = (engine.clone(), shutdown.clone());
            self.spawn("image cleanup", clean_images(engine, shutdown));
        }
        // No task may come before the containers of unknown ones are gone.
        remove_strays(&engine).await;
        engine.give_up(lost);
        self.spawn(
            "telemetry",
            TcsSession::new(link.clone(), engine.clone()).run(shutdown.clone()),
        );
        self.spawn(
            "orders",
            AcsSession::new(link, engine, manifest_timeline).run(shutdown),
        );
    }

    fn spawn<T: kit::Outcome>(&self, name: &str, work: impl Future<Output = T> + Send + 'static) {
        let killed = self.kill.killed.clone();
        self.supervisor.spawn(name, async move {
            let outcome = killed.unless_requested(work).await;
            outcome
                .and_then(kit::Outcome::failure)
                .map_or(Ok(()), Err::<(), String>)
        });
    }

    /// Waits for the shutdown, and ends what is under way.
    ///
    /// # Errors
    /// When a loop broke.
    pub async fn until_shutdown(self) -> Result<(), AgentError> {
        self.supervisor.shutdown().requested().await;
        let drained = self.supervisor.drain(DRAIN).await;
        if !drained.dropped.is_empty() {
            tracing::warn!(tasks = ?drained.dropped, "not ended in time");
        }
        if let Some(listen) = self.redirected
            && let Err(error) = redirect::remove_own(listen).await
        {
            tracing::warn!(%error, "the rules of the metadata endpoint could not be removed");
        }
        if let Err(error) = self.engine.host().update_identity(|_| ()).await {
            tracing::warn!(%error, "the last state could not be saved");
        }
        match self.supervisor.failure() {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }
}

async fn remove_strays(engine: &Engine) {
    let host = engine.host();
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
    while let Err(error) = engine.remove_strays().await {
        let pause = backoff.next_delay(&host.random);
        tracing::warn!(%error, ?pause, "containers of unknown tasks could not be looked for");
        tokio::time::sleep(pause).await;
    }
}

async fn clean_images(engine: Arc<Engine>, shutdown: Shutdown) {
    let interval = engine.host().config.image_cleanup.interval;
    while shutdown
        .unless_requested(tokio::time::sleep(interval))
        .await
        .is_some()
    {
        engine.clean_images().await;
    }
}
