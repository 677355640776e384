//! The trait.

use crate::container::{
    ContainerDetails, ContainerId, ContainerSpec, ContainerSummary, ExecOutput, LogLine, Removal,
};
use crate::error::Result;
use crate::event::{LabelFilter, RuntimeEvent};
use crate::image::{ImageDetails, ImageSummary, PullProgress, RegistryAuth};
use crate::info::{EngineInfo, NetworkDetails};
use crate::stats::ContainerStats;
use crate::volume::{VolumeDetails, VolumeSpec};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use std::time::Duration;

/// Events of containers. Never ends by itself; dropping it unsubscribes.
pub type EventStream = BoxStream<'static, RuntimeEvent>;

/// Something that runs containers on one host.
///
/// Containers are named by id or by name: every `id: &str` takes either. Calls are not retried inside;
/// after [`RuntimeError::ConnectionLost`](crate::RuntimeError::ConnectionLost) or `Timeout` the call may have
/// taken effect, so look before doing it again.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Version, cgroup set-up, drivers and size of the host.
    async fn info(&self) -> Result<EngineInfo>;

    /// Whether the engine answers.
    async fn ping(&self) -> Result<()>;

    /// Pulls an image. `progress` is called for each step and never blocks the pull.
    ///
    /// # Errors
    /// `ImageNotFound` if the registry does not have it or refuses it to us; `Timeout` when the pull stalls.
    async fn image_pull(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<()>;

    /// An image on the host. Errors: `ImageNotFound`.
    async fn image_inspect(&self, reference: &str) -> Result<ImageDetails>;

    /// All tagged or digested images on the host.
    async fn image_list(&self) -> Result<Vec<ImageSummary>>;

    /// Removes a reference, and the image with its last one. Errors: `ImageNotFound`, `Conflict` while used.
    async fn image_remove(&self, reference: &str, force: bool) -> Result<()>;

    /// Gives the image `source` the reference `target` too.
    async fn image_tag(&self, source: &str, target: &str) -> Result<()>;

    /// Makes a container without starting it.
    ///
    /// # Errors
    /// `Conflict` if the name is taken, `ImageNotFound` if the image is not on the host.
    async fn container_create(&self, spec: &ContainerSpec) -> Result<ContainerId>;

    /// Starts a container; does nothing if it runs. A container that has exited may be started again.
    async fn container_start(&self, id: &str) -> Result<()>;

    /// Asks the main process to stop (with `signal`, else the container's STOPSIGNAL, else SIGTERM) and kills it
    /// after `timeout`. Returns when it has stopped; does nothing if it is not running.
    async fn container_stop(&self, id: &str, signal: Option<&str>, timeout: Duration) -> Result<()>;

    /// Sends a signal such as `SIGKILL`. Errors: `Conflict` if it does not run.
    async fn container_kill(&self, id: &str, signal: &str) -> Result<()>;

    /// All that is known about a container. Errors: `NotFound`.
    async fn container_inspect(&self, id: &str) -> Result<ContainerDetails>;

    /// Removes a container. Errors: `NotFound`, `Conflict` if it runs and `removal.force` is off.
    async fn container_remove(&self, id: &str, removal: Removal) -> Result<()>;

    /// Containers that match all labels; only running ones unless `all`.
    async fn container_list(&self, labels: &[LabelFilter], all: bool) -> Result<Vec<ContainerSummary>>;

    /// One sample of what a container uses, taken now. Counters are cumulative; rates are the caller's.
    async fn container_stats(&self, id: &str) -> Result<ContainerStats>;

    /// Runs a command inside a running container and waits for it. After `timeout` the call fails, while the
    /// command may go on. Errors: `Conflict` if the container does not run.
    async fn container_exec(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput>;

    /// The last `tail` lines the container wrote.
    async fn container_logs(&self, id: &str, tail: usize) -> Result<Vec<LogLine>>;

    /// Events of containers that match all labels, from `since` on (absent: from this call on).
    ///
    /// The subscription heals itself: after a lost connection it is taken up where it broke, events are neither
    /// lost nor repeated while the engine still has them, and a [`RuntimeEvent::Resubscribed`] says that the
    /// engine may have forgotten some, so that the reader looks at its containers again.
    fn events(&self, labels: Vec<LabelFilter>, since: Option<DateTime<Utc>>) -> EventStream;

    /// Makes a volume; does nothing if one of this name and driver exists. Returns its details.
    async fn volume_create(&self, spec: &VolumeSpec) -> Result<VolumeDetails>;

    /// A volume. Errors: `NotFound`.
    async fn volume_inspect(&self, name: &str) -> Result<VolumeDetails>;

    /// Removes a volume. Errors: `NotFound`, `Conflict` while used.
    async fn volume_remove(&self, name: &str) -> Result<()>;

    /// A network such as `bridge`, with its gateway addresses. Errors: `NotFound`.
    async fn network_inspect(&self, name: &str) -> Result<NetworkDetails>;
}
