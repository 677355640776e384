//! The whole agent, from start to shutdown.

mod running;

use std::sync::Arc;
use std::time::Duration;

use kit::{Backoff, Clock, Failure, Random, Shutdown, SystemClock};
use runtime::cgroup::{CgroupTree, TaskLimits};
use runtime::{EngineInfo, Runtime};
use tokio::sync::Notify;

use crate::config::AgentConfig;
use crate::host::Host;
use crate::http_client::{HttpClient, HttpError};
use crate::images::Images;
use crate::metadata;
use crate::session::api::ApiClient;
use crate::session::capabilities::{self, Findings};
use crate::session::link::Link;
use crate::session::registration::{self, RegistrationRefused};
use crate::session::samples::Samples;
use crate::session::submit::Submitter;
use crate::state::{Identity, Saved, StateError, Store};
use running::Running;

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
        let engine = self.engine_info().await;
        let endpoint = match &self.config.metadata {
            None => None,
            Some(config) => {
                let opened = metadata::Endpoint::open(config, self.runtime.as_ref()).await;
                Some(opened.map_err(AgentError::Metadata)?)
            }
        };
        let cgroups = match self.config.task_cgroups {
            true => task_cgroups(&engine, &self.random).await,
            false => None,
        };
        let findings = Findings {
            task_cgroups: cgroups.is_some(),
            credentials_endpoint: endpoint.as_ref().is_some_and(|endpoint| endpoint.well_known),
        };
        let identity = self.register(&api, &engine, findings, saved.identity).await?;
        store.save_identity(&identity).await?;
        let link = Link::new(
            self.config.clone(),
            identity.container_instance_arn.clone().unwrap_or_default(),
            engine.version.clone(),
            api.clone(),
            self.clock.clone(),
            self.random.clone(),
        );
        let manifest_timeline = identity.manifest_timeline;
        let base = endpoint.as_ref().map(|endpoint| endpoint.base.clone());
        let host = Arc::new(self.into_host(&api, store, identity, engine, cgroups, base));
        let mut running = Running::new(host, saved.tasks, shutdown);
        running
            .serve(Arc::new(link), endpoint, api, manifest_timeline, &saved.lost)
            .await;
        Ok(running)
    }

    /// Registers the host, and gives who it is now.
    async fn register(
        &self,
        api: &ApiClient,
        engine: &EngineInfo,
        findings: Findings,
        mut identity: Identity,
    ) -> Result<Identity, AgentError> {
        let known_as = identity.container_instance_arn.take();
        let attributes = capabilities::attributes(&self.config, engine, findings, known_as.is_none());
        let known_as = known_as.as_deref();
        let registered =
            registration::register(api, &self.config, engine, attributes, known_as, &self.random).await?;
        tracing::info!(arn = registered.container_instance_arn, "registered");
        identity.cluster.clone_from(&self.config.cluster);
        identity.container_instance_arn = Some(registered.container_instance_arn);
        identity.availability_zone = registered.availability_zone;
        Ok(identity)
    }

    fn into_host(
        self,
        api: &Arc<ApiClient>,
        store: Store,
        identity: Identity,
        engine: EngineInfo,
        cgroups: Option<CgroupTree>,
        metadata_endpoint: Option<String>,
    ) -> Host {
        let images = identity.images.clone();
        let retry_limit = self.config.session.submit_retry_limit;
        Host {
            container_instance_arn: identity.container_instance_arn.clone().unwrap_or_default(),
            images: Images::new(&self.config, self.runtime.clone(), self.clock.clone(), images),
            submitter: Submitter::new(api.clone(), self.random.clone(), retry_limit),
            health_changed: Notify::new(),
            heartbeat: Notify::new(),
            samples: Samples::default(),
            identity: tokio::sync::Mutex::new(identity),
            config: self.config,
            http: self.http,
            runtime: self.runtime,
            clock: self.clock,
            random: self.random,
            metadata_endpoint,
            engine,
            cgroups,
            store,
        }
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
