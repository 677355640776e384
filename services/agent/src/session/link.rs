//! How the two websockets find and reach the server, and when they come back after they broke.

use std::sync::Arc;
use std::time::Duration;

use agent_protocol::RefusalKind;
use http::Uri;
use kit::{Backoff, Clock, Random};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::api::ApiClient;
use super::channel::{Channel, Ended, Limits};
use super::handshake::OpenError;
use super::signer::Signer;
use crate::config::AgentConfig;

/// A connection that lived this long proves that connecting works again.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// Which of the two websockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Orders to the agent.
    Acs,
    /// Telemetry from the agent.
    Tcs,
}

/// Why there is no connection right now.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the server does not say where to connect: {0}")]
    Discovery(String),
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl ConnectError {
    /// The protocol's word for why the server refused, if it did.
    pub fn refusal(&self) -> Option<&RefusalKind> {
        match self {
            Self::Open(OpenError::Refused(refusal)) => Some(&refusal.kind),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoints {
    endpoint: Option<String>,
    telemetry_endpoint: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoverPollEndpointRequest<'a> {
    container_instance: &'a str,
    cluster: &'a str,
    zone_id: &'a str,
}

/// The way to the server for one container instance.
pub struct Link {
    pub config: AgentConfig,
    pub container_instance_arn: String,
    pub engine_version: String,
    pub api: Arc<ApiClient>,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    signer: Signer,
    endpoints: Mutex<Option<Endpoints>>,
}

impl Link {
    pub fn new(
        config: AgentConfig,
        container_instance_arn: String,
        engine_version: String,
        api: Arc<ApiClient>,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Self {
        let signer = Signer::new(config.credentials.clone(), &config.region);
        let endpoints = Mutex::default();
        Self {
            config,
            container_instance_arn,
            engine_version,
            api,
            clock,
            random,
            signer,
            endpoints,
        }
    }

    /// Opens a websocket with `query`. The address is asked for again after each failure, so that a server may move.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn connect(&self, kind: Kind, query: &str) -> Result<(Channel, Uri), ConnectError> {
        let opened = self.open(kind, query).await;
        if opened.is_err() {
            *self.endpoints.lock() = None;
        }
        opened
    }

    async fn open(&self, kind: Kind, query: &str) -> Result<(Channel, Uri), ConnectError> {
        let endpoints = self.endpoints().await?;
        let (name, base) = match kind {
            Kind::Acs => ("endpoint", endpoints.endpoint),
            Kind::Tcs => ("telemetryEndpoint", endpoints.telemetry_endpoint),
        };
        let base = base.ok_or_else(|| ConnectError::Discovery(format!("no {name} in its answer")))?;
        let slash = if base.ends_with('/') { "" } else { "/" };
        let address = format!("{base}{slash}ws?{query}");
        let uri: Uri = address
            .parse()
            .map_err(|_| ConnectError::Discovery(format!("{name} {base:?} is no address")))?;
        let session = &self.config.session;
        let limits = Limits {
            silence: session.silence_limit,
            lifetime: session.connection_lifetime,
        };
        let channel = Channel::open(&uri, &self.signer, self.clock.now(), limits, &self.random).await?;
        Ok((channel, uri))
    }

    async fn endpoints(&self) -> Result<Endpoints, ConnectError> {
        if let Some(endpoints) = self.endpoints.lock().clone() {
            return Ok(endpoints);
        }
        let (container_instance, cluster) =
            (self.container_instance_arn.as_str(), self.config.cluster.as_str());
        let request = DiscoverPollEndpointRequest {
            container_instance,
            cluster,
            zone_id: "",
        };
        let found: Endpoints = self
            .api
            .call("DiscoverPollEndpoint", &request)
            .await
            .map_err(|error| ConnectError::Discovery(error.to_string()))?;
        *self.endpoints.lock() = Some(found.clone());
        Ok(found)
    }

    /// A signature over `body`, as each telemetry frame carries one.
    pub fn sign_frame(&self, uri: &Uri, body: &str) -> super::signer::Headers {
        self.signer
            .sign("GET", uri, Vec::new(), body.as_bytes(), self.clock.now())
    }

    /// Pauses of one websocket between its connections.
    pub fn pauses(&self) -> Pauses {
        let (first, longest) = self.config.session.reconnect;
        Pauses {
            backoff: Backoff::new(first, longest).with_multiplier(1.5).with_jitter(0.2),
            inactive_wait: self.config.session.inactive_wait,
            random: self.random.clone(),
        }
    }
}

/// How long to wait before connecting again (sections 2.1 and 2.3).
pub struct Pauses {
    backoff: Backoff,
    inactive_wait: Duration,
    random: Random,
}

impl Pauses {
    /// After an attempt that failed.
    pub fn after_failure(&mut self, error: &ConnectError) -> Duration {
        match error.refusal() {
            Some(RefusalKind::InactiveInstanceException) => self.inactive_wait,
            _ => self.backoff.next_delay(&self.random),
        }
    }

    /// After a connection that lived for `age`.
    pub fn after_end(&mut self, ended: &Ended, age: Duration) -> Duration {
        if age >= STABLE_AFTER {
            self.backoff.reset();
        }
        match ended {
            // Never in a hot loop, should a server accept and close over and over.
            Ended::Normally(_) if age >= Duration::from_secs(1) => Duration::ZERO,
            _ => self.backoff.next_delay(&self.random),
        }
    }
}
