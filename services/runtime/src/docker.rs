//! Docker Engine (and podman's Docker-compatible service) behind the [`Runtime`] trait.

mod containers;
mod convert;
mod events;
mod failure;
mod images;

use crate::container::{
    ContainerDetails, ContainerId, ContainerSpec, ContainerSummary, ExecOutput, LogLine, Removal,
};
use crate::error::{Result, RuntimeError};
use crate::event::LabelFilter;
use crate::image::{ImageDetails, ImageSummary, PullProgress, RegistryAuth};
use crate::info::{EngineInfo, NetworkDetails};
use crate::runtime::{EventStream, Runtime};
use crate::stats::ContainerStats;
use crate::volume::{VolumeDetails, VolumeSpec};
use async_trait::async_trait;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use chrono::{DateTime, Utc};
use failure::explain;
use std::time::Duration;

/// Where Docker Engine listens unless told otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Limit of calls that the engine answers at once.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Limit of creating and starting, which may wait for disks, networks and volume drivers.
const SLOW_CALL_TIMEOUT: Duration = Duration::from_secs(240);
/// Limit for the first byte of a long-lived answer: engines may hold it back until there is something to say.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// A pull that says nothing for this long is given up.
const PULL_STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to an engine. Clones share it.
#[derive(Clone)]
pub struct DockerRuntime {
    docker: Docker,
    slow: Docker,
    streaming: Docker,
    podman: bool,
}

impl DockerRuntime {
    /// Connects and agrees on an API version.
    ///
    /// `host` has the form of `DOCKER_HOST`: `unix:///path`, a bare path, `tcp://host:port` or `http://host:port`
    /// (without TLS).
    ///
    /// # Errors
    /// `ConnectionLost` if the engine does not answer, `Engine` if the address is of an unknown kind.
    pub async fn connect(host: &str) -> Result<Self> {
        let docker = open(host)
            .map_err(explain("connect"))?
            .with_request_modifier(url_safe_registry_auth)
            .negotiate_version()
            .await
            .map_err(explain("version"))?;
        let version = docker.version().await.map_err(explain("version"))?;
        let components = version.components.unwrap_or_default();
        Ok(Self {
            slow: docker.clone().with_timeout(SLOW_CALL_TIMEOUT),
            streaming: docker.clone().with_timeout(STREAM_TIMEOUT),
            podman: components
                .iter()
                .any(|component| component.name.contains("Podman")),
            docker,
        })
    }
}

fn open(host: &str) -> Result<Docker, bollard::errors::Error> {
    let seconds = CALL_TIMEOUT.as_secs();
    if host.starts_with("tcp://") || host.starts_with("http://") {
        Docker::connect_with_http(host, seconds, API_DEFAULT_VERSION)
    } else if host.starts_with("unix://") || host.starts_with('/') {
        Docker::connect_with_unix(host, seconds, API_DEFAULT_VERSION)
    } else {
        Err(bollard::errors::Error::UnsupportedURISchemeError { uri: host.to_owned() })
    }
}

/// bollard writes credentials in plain base64, Docker reads the URL-safe alphabet and takes what it cannot read
/// for "no credentials".
fn url_safe_registry_auth(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut("X-Registry-Auth")
        && let Ok(text) = value.to_str()
        && let Ok(safe) = text.replace('+', "-").replace('/', "_").parse()
    {
        *value = safe;
    }
    request
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn info(&self) -> Result<EngineInfo> {
        let info = self.docker.info().await.map_err(explain("info"))?;
        Ok(convert::engine_info(
            info,
            self.docker.client_version().to_string(),
        ))
    }

    async fn ping(&self) -> Result<()> {
        self.docker.ping().await.map(drop).map_err(explain("ping"))
    }

    async fn image_pull(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<()> {
        images::pull(&self.streaming, reference, auth, progress, PULL_STALL_TIMEOUT).await
    }

    async fn image_inspect(&self, reference: &str) -> Result<ImageDetails> {
        images::inspect(&self.docker, reference).await
    }

    async fn image_list(&self) -> Result<Vec<ImageSummary>> {
        images::list(&self.docker).await
    }

    async fn image_remove(&self, reference: &str, force: bool) -> Result<()> {
        images::remove(&self.slow, reference, force).await
    }

    async fn image_tag(&self, source: &str, target: &str) -> Result<()> {
        images::tag(&self.docker, source, target).await
    }

    async fn container_create(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        containers::create(&self.slow, spec).await
    }

    async fn container_start(&self, id: &str) -> Result<()> {
        self.slow
            .start_container(id, None)
            .await
            .map_err(explain("start"))
    }

    async fn container_stop(&self, id: &str, signal: Option<&str>, timeout: Duration) -> Result<()> {
        containers::stop(&self.streaming, id, signal, timeout).await
    }

    async fn container_kill(&self, id: &str, signal: &str) -> Result<()> {
        containers::kill(&self.docker, id, signal).await
    }

    async fn container_inspect(&self, id: &str) -> Result<ContainerDetails> {
        let found = self
            .docker
            .inspect_container(id, None)
            .await
            .map_err(explain("inspect"))?;
        Ok(convert::container_details(found))
    }

    async fn container_remove(&self, id: &str, removal: Removal) -> Result<()> {
        containers::remove(&self.slow, id, removal).await
    }

    async fn container_list(&self, labels: &[LabelFilter], all: bool) -> Result<Vec<ContainerSummary>> {
        containers::list(&self.docker, labels, all).await
    }

    async fn container_stats(&self, id: &str) -> Result<ContainerStats> {
        containers::stats(&self.docker, id).await
    }

    async fn container_exec(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let run = containers::exec(&self.streaming, id, command);
        let timed_out = |_| RuntimeError::Timeout {
            call: "exec",
            after: timeout,
        };
        tokio::time::timeout(timeout, run).await.map_err(timed_out)?
    }

    async fn container_logs(&self, id: &str, tail: usize) -> Result<Vec<LogLine>> {
        containers::logs(&self.streaming, id, tail).await
    }

    fn events(&self, labels: Vec<LabelFilter>, since: Option<DateTime<Utc>>) -> EventStream {
        events::subscribe(
            self.docker.clone(),
            self.streaming.clone(),
            self.podman,
            labels,
            since,
        )
    }

    async fn volume_create(&self, spec: &VolumeSpec) -> Result<VolumeDetails> {
        let request = convert::volume_request(spec);
        let made = self
            .slow
            .create_volume(request)
            .await
            .map_err(explain("volume create"))?;
        Ok(convert::volume_details(made))
    }

    async fn volume_inspect(&self, name: &str) -> Result<VolumeDetails> {
        let found = self
            .docker
            .inspect_volume(name)
            .await
            .map_err(explain("volume inspect"))?;
        Ok(convert::volume_details(found))
    }

    async fn volume_remove(&self, name: &str) -> Result<()> {
        let options = None::<bollard::query_parameters::RemoveVolumeOptions>;
        self.slow
            .remove_volume(name, options)
            .await
            .map_err(explain("volume remove"))
    }

    async fn network_inspect(&self, name: &str) -> Result<NetworkDetails> {
        let found = self
            .docker
            .inspect_network(name, None)
            .await
            .map_err(explain("network inspect"))?;
        Ok(convert::network_details(found))
    }
}
