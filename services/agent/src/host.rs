//! What all tasks of one agent share.

use std::sync::Arc;

use kit::{Clock, Random};
use runtime::cgroup::CgroupTree;
use runtime::{EngineInfo, Runtime};
use tokio::sync::Notify;

use crate::config::AgentConfig;
use crate::http_client::HttpClient;
use crate::images::Images;
use crate::metadata;
use crate::session::capabilities::Findings;
use crate::session::samples::Samples;
use crate::session::submit::Submitter;
use crate::state::{Identity, StateError, Store};

/// The agent's host as its tasks see it.
pub struct Host {
    pub config: AgentConfig,
    pub container_instance_arn: String,
    pub engine: EngineInfo,
    pub runtime: Arc<dyn Runtime>,
    pub store: Store,
    pub images: Images,
    pub submitter: Submitter,
    pub http: HttpClient,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    /// Base of the metadata URLs in containers.
    pub metadata_endpoint: Option<String>,
    /// Where tasks with limits get a cgroup of their own; `None` where that does not work.
    pub cgroups: Option<CgroupTree>,
    /// The health of some container changed.
    pub health_changed: Notify,
    /// The server asked for signs of life: the engine's health is to be looked at and told.
    pub heartbeat: Notify,
    /// Last measurement of each container.
    pub samples: Samples,
    /// Who the agent is; locked while it is written.
    pub identity: tokio::sync::Mutex<Identity>,
}

impl Host {
    /// What this host can do besides what its engine says.
    pub fn findings(&self) -> Findings {
        Findings {
            task_cgroups: self.cgroups.is_some(),
            credentials_endpoint: self.metadata_endpoint.as_deref() == Some(metadata::WELL_KNOWN),
        }
    }

    /// Changes who the agent is, and returns when that is on disk.
    ///
    /// # Errors
    /// When it could not be written; the change stays in memory.
    pub async fn update_identity(&self, change: impl FnOnce(&mut Identity)) -> Result<(), StateError> {
        let mut identity = self.identity.lock().await;
        change(&mut identity);
        identity.images = self.images.uses().into_iter().collect();
        self.store.save_identity(&identity).await
    }
}
