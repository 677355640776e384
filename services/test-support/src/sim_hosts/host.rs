//! One simulated host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::{AccessKey, Agent, AgentConfig, AgentError, HttpClient};
use kit::{Random, Shutdown};
use parking_lot::Mutex;
use runtime::fake::{FakeHost, FakeRuntime};
use serde_json::Value;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::wire::Wire;
use super::{CONTAINER_NAME, PATIENCE, Plan, TASK_ARN};
use crate::control_plane::key_pair;
use crate::{TestClock, eventually};

/// How long containers of stopped tasks are kept.
const CLEANUP_WAIT: Duration = Duration::from_millis(200);

/// A simulated host.
pub struct SimHost {
    pub(super) name: String,
    folder: PathBuf,
    pub(super) engine: FakeRuntime,
    config: AgentConfig,
    http: HttpClient,
    wire: Option<Wire>,
    clock: TestClock,
    random: Random,
    life: Mutex<Option<Life>>,
}

struct Life {
    shutdown: Shutdown,
    ended: JoinHandle<Result<(), AgentError>>,
}

impl SimHost {
    pub(super) async fn new(plan: &Plan, index: usize, http: HttpClient) -> Self {
        let name = format!("host-{index}");
        let folder = memory_folder().join(format!(
            "berth-sim-{}-{}",
            std::process::id(),
            Uuid::new_v4().simple()
        ));
        std::fs::create_dir_all(&folder).expect("a folder for the agent's state");
        let wire = match plan.can_be_cut {
            true => Some(Wire::new(&plan.servers).await.expect("a port for the relay")),
            false => None,
        };
        let pair = key_pair();
        let key = AccessKey {
            access_key_id: pair.access_key_id,
            secret_access_key: pair.secret.expose().to_owned(),
            session_token: None,
        };
        let mut config = AgentConfig::new(String::new(), plan.cluster.clone(), key);
        config.endpoints = match &wire {
            Some(wire) => wire.endpoints.clone(),
            None => plan
                .servers
                .iter()
                .map(|server| format!("http://{server}"))
                .collect(),
        };
        // Not all agents ask the same server first.
        let servers = config.endpoints.len();
        config.endpoints.rotate_left(index % servers);
        config.region = plan.region.clone();
        config.data_dir = Some(folder.clone());
        config.availability_zone = Some(plan.zones[index % plan.zones.len()].clone());
        config.attributes = plan.attributes.clone();
        config.task_cgroups = false;
        config.task_cleanup_wait = CLEANUP_WAIT;
        config.container_stop_timeout = Duration::from_secs(1);
        config.session.reconnect = (Duration::from_millis(50), Duration::from_millis(500));
        config.session.submit_retry_limit = Duration::from_millis(500);
        config.session.silence_limit = Duration::from_secs(5);
        let host = FakeHost {
            name: name.clone(),
            cpus: plan.cpus,
            memory_bytes: plan.memory_mib << 20,
            clock: Arc::new(plan.clock.clone()),
            ..FakeHost::default()
        };
        let host = Self {
            name,
            folder,
            engine: FakeRuntime::new(host),
            config,
            http,
            wire,
            clock: plan.clock.clone(),
            random: Random::seeded(plan.seed.wrapping_mul(1_000_003).wrapping_add(index as u64)),
            life: Mutex::default(),
        };
        host.start();
        host
    }

    /// Starts the agent, if it does not run.
    pub fn start(&self) {
        let mut life = self.life.lock();
        if life.is_some() {
            return;
        }
        let shutdown = Shutdown::new();
        let agent = Agent::new(self.config.clone(), Arc::new(self.engine.clone()))
            .with_http(self.http.clone())
            .with_clock(Arc::new(self.clock.clone()))
            .with_random(self.random.clone());
        let ended = tokio::spawn(agent.run(shutdown.clone()));
        *life = Some(Life { shutdown, ended });
    }

    /// Ends the agent where it stands, as `kill -9` does. Containers run on.
    pub async fn kill(&self) {
        let life = self.life.lock().take();
        if let Some(life) = life {
            life.ended.abort();
            let _ = life.ended.await;
        }
    }

    /// Stops the agent as SIGTERM does. Containers run on.
    ///
    /// # Panics
    /// When the agent broke.
    pub async fn stop(&self) {
        let life = self.life.lock().take();
        if let Some(life) = life {
            life.shutdown.request();
            life.ended
                .await
                .expect("the agent does not panic")
                .expect("the agent ends well");
        }
    }

    /// Breaks all connections between the host and the servers, and lets no new one come to be.
    pub fn cut(&self) {
        self.wire().cut();
    }

    /// Lets nothing through any more, without a word to either side.
    pub fn silence(&self) {
        self.wire().silence();
    }

    /// Ends [`SimHost::cut`] and [`SimHost::silence`].
    pub fn mend(&self) {
        self.wire().mend();
    }

    fn wire(&self) -> &Wire {
        self.wire.as_ref().expect("the hosts were made with_wires")
    }

    /// The engine: what runs on the host, and what may happen to it.
    pub fn engine(&self) -> &FakeRuntime {
        &self.engine
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The container instance's ARN, once the agent has registered.
    pub fn arn(&self) -> Option<String> {
        let bytes = std::fs::read(self.folder.join("agent.json")).ok()?;
        let identity: Value = serde_json::from_slice(&bytes).ok()?;
        identity["container_instance_arn"].as_str().map(str::to_owned)
    }

    /// ARNs of the tasks of which a container runs here.
    pub fn running_tasks(&self) -> BTreeSet<String> {
        self.engine
            .running()
            .iter()
            .filter_map(|container| container.labels.get(TASK_ARN).cloned())
            .collect()
    }

    /// The engine's name or id of a task's container, as soon as it runs.
    ///
    /// # Panics
    /// When it does not within 30 s.
    pub async fn container_of(&self, task_arn: &str, name: &str) -> String {
        let is_it = |labels: &BTreeMap<String, String>| {
            labels.get(TASK_ARN).is_some_and(|arn| arn == task_arn)
                && labels.get(CONTAINER_NAME).is_some_and(|label| label == name)
        };
        eventually(
            &format!("{name} of {task_arn} runs on {}", self.name),
            PATIENCE,
            async || {
                let running = self.engine.running();
                running
                    .into_iter()
                    .find(|container| is_it(&container.labels))
                    .map(|container| container.name)
            },
        )
        .await
    }

    /// True while the agent runs; false after it was killed or ended by itself.
    pub fn is_alive(&self) -> bool {
        self.life
            .lock()
            .as_ref()
            .is_some_and(|life| !life.ended.is_finished())
    }
}

impl Drop for SimHost {
    fn drop(&mut self) {
        if let Some(life) = self.life.get_mut().take() {
            life.ended.abort();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A place for files where waiting for the disk costs nothing, if there is one.
fn memory_folder() -> PathBuf {
    let shared_memory = PathBuf::from("/dev/shm");
    if shared_memory.is_dir() {
        shared_memory
    } else {
        std::env::temp_dir()
    }
}
