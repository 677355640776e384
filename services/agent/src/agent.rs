//! The whole agent, from start to shutdown.

use std::sync::Arc;
use std::time::Duration;

use kit::{Backoff, Clock, Failure, Random, Shutdown, SystemClock, Tasks};
use runtime::cgroup::{CgroupTree, TaskLimits};
use runtime::{EngineInfo, Runtime};
use tokio::sync::Notify;

use crate::config::AgentConfig;
use crate::engine::{self, Engine};
use crate::host::Host;
use crate::http_client::{HttpClient, HttpError};
use crate::images::Images;
use crate::metadata::{self, redirect};
use crate::session::acs::AcsSession;
use crate::session::api::ApiClient;
use crate::session::capabilities::{self, Findings};
use crate::session::link::Link;
use crate::session::registration::{self, RegistrationRefused};
use crate::session::samples::Samples;
use crate::session::submit::Submitter;
use crate::session::tcs::TcsSession;
use crate::state::{Saved, StateError, Store};

/// How long what is under way may take to end at a shutdown.
const DRAIN: Duration = Duration::from_secs(10);
const PROBE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;

/// Why an agent stopped.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("an endpoint of the server cannot be used: {0}")]
    Endpoint(#[from] HttpError),
    #[error("the agent's state cannot be used")]
    State(#[from] StateError),
    /// The data folder belongs to a container instance of another cluster.
    #[error(
        "the data folder belongs to cluster {saved}, and the agent is configured for cluster {configured}"
    )]
    OtherCluster { saved: String, configured: String },
    #[error(transparent)]
    Refused(#[from] RegistrationRefused),
    #[error("the metadata endpoint cannot listen")]
    Metadata(#[source] std::io::Error),
    /// A loop of the agent broke.
    #[error(transparent)]
    Broke(#[from] Failure),
}

/// An agent that is ready to run.
pub struct Agent {
    config: AgentConfig,
    runtime: Arc<dyn Runtime>,
    clock: Arc<dyn Clock>,
    random: Random,
    http: HttpClient,
}

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

impl Agent {
    /// An agent on the machine's clock, with randomness of the operating system and connections of its own.
    pub fn new(config: AgentConfig, runtime: Arc<dyn Runtime>) -> Self {
        Self {
            config,
            runtime,
            clock: Arc::new(SystemClock),
            random: Random::from_os(),
            http: HttpClient::new(),
        }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Draws from `random`.
    #[must_use]
    pub fn with_random(self, random: Random) -> Self {
        Self { random, ..self }
    }

    /// Shares connections to the server with other agents of the process.
    #[must_use]
    pub fn with_http(self, http: HttpClient) -> Self {
        Self { http, ..self }
    }

    /// Runs until `shutdown` is requested; tasks run on after that. Dropping the future is like killing the process.
    ///
    /// # Errors
    /// When the agent cannot start, or cannot go on.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), AgentError> {
        let api = Arc::new(ApiClient::new(
            &self.config,
            self.http.clone(),
            self.clock.clone(),
        )?);
        let (store, saved) = Store::open(self.config.data_dir.clone()).await?;
        if saved.identity.container_instance_arn.is_some() && saved.identity.cluster != self.config.cluster {
            let (saved, configured) = (saved.identity.cluster, self.config.cluster);
            return Err(AgentError::OtherCluster { saved, configured });
        }
        match shutdown
            .unless_requested(self.start(api, store, saved, &shutdown))
            .await
        {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(running)) => running.until_shutdown().await,
        }
    }

    async fn start(
        self,
        api: Arc<ApiClient>,
        store: Store,
        saved: Saved,
        shutdown: &Shutdown,
    ) -> Result<Running, AgentError> {
        let engine_info = self.engine_info().await;
        let endpoint = match &self.config.metadata {
            None => None,
            Some(config) => {
                let opened = metadata::Endpoint::open(config, self.runtime.as_ref()).await;
                Some(opened.map_err(AgentError::Metadata)?)
            }
        };
        let cgroups = match self.config.task_cgroups {
            true => task_cgroups(&engine_info, &self.random).await,
            false => None,
        };
        let findings = Findings {
            task_cgroups: cgroups.is_some(),
            credentials_endpoint: endpoint.as_ref().is_some_and(|endpoint| endpoint.well_known),
        };
        let Saved { mut identity, tasks } = saved;
        let known_as = identity.container_instance_arn.clone();
        let attributes = capabilities::attributes(&self.config, &engine_info, findings, known_as.is_none());
        let registered = registration::register(
            &api,
            &self.config,
            &engine_info,
            attributes,
            known_as.as_deref(),
            &self.random,
        )
        .await?;
        tracing::info!(arn = registered.container_instance_arn, "registered");
        identity.cluster.clone_from(&self.config.cluster);
        identity.container_instance_arn = Some(registered.container_instance_arn.clone());
        identity.availability_zone = registered.availability_zone;
        store.save_identity(&identity).await?;
        let manifest_timeline = identity.manifest_timeline;
        let images = identity.images.clone();
        let host = Arc::new(Host {
            container_instance_arn: registered.container_instance_arn.clone(),
            images: Images::new(&self.config, self.runtime.clone(), self.clock.clone(), images),
            submitter: Submitter::new(
                api.clone(),
                self.random.clone(),
                self.config.session.submit_retry_limit,
            ),
            http: self.http,
            metadata_endpoint: endpoint.as_ref().map(|endpoint| endpoint.base.clone()),
            health_changed: Notify::new(),
            heartbeat: Notify::new(),
            samples: Samples::default(),
            identity: tokio::sync::Mutex::new(identity),
            engine: engine_info.clone(),
            config: self.config.clone(),
            runtime: self.runtime,
            clock: self.clock.clone(),
            random: self.random.clone(),
            cgroups,
            store,
        });
        let link = Link::new(
            self.config,
            registered.container_instance_arn,
            engine_info.version,
            api.clone(),
            self.clock,
            self.random,
        );
        let mut running = Running::new(host, tasks, shutdown);
        running
            .serve(Arc::new(link), endpoint, api, manifest_timeline)
            .await;
        Ok(running)
    }

    /// Waits for the container engine.
    async fn engine_info(&self) -> EngineInfo {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        loop {
            match self.runtime.info().await {
                Ok(info) => return info,
                Err(error) => {
                    let pause = backoff.next_delay(&self.random);
                    tracing::warn!(%error, ?pause, "the container engine does not answer");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// How tasks get a cgroup of their own here; `None` where a trial fails, so that no capability is declared falsely.
async fn task_cgroups(engine: &EngineInfo, random: &Random) -> Option<CgroupTree> {
    let (version, driver, probe) = (
        engine.cgroup_version,
        engine.cgroup_driver,
        format!("probe{}", random.hex32()),
    );
    let tried = tokio::task::spawn_blocking(move || {
        let tree = CgroupTree::detect(version, driver)?;
        let group = tree.task(&probe);
        let made = group.create(&TaskLimits {
            vcpus: Some(1.0),
            memory_bytes: Some(PROBE_MEMORY_BYTES),
        });
        group.remove()?;
        made.map(|()| tree)
    });
    match tried.await {
        Ok(Ok(tree)) => Some(tree),
        Ok(Err(error)) => {
            tracing::warn!(%error, "limits of whole tasks cannot be set on this host");
            None
        }
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A started agent.
struct Running {
    engine: Arc<Engine>,
    supervisor: Tasks,
    kill: KillOnDrop,
    redirected: Option<std::net::SocketAddr>,
}

impl Running {
    fn new(host: Arc<Host>, tasks: Vec<crate::task::record::TaskRecord>, shutdown: &Shutdown) -> Self {
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

    async fn serve(
        &mut self,
        link: Arc<Link>,
        endpoint: Option<metadata::Endpoint>,
        api: Arc<ApiClient>,
        manifest_timeline: i64,
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

    async fn until_shutdown(self) -> Result<(), AgentError> {
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
