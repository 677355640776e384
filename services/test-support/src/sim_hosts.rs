//! Hosts without containers: the real agent over an engine in memory, many of them in one process.
//!
//! An agent may be killed and started again; its engine and its state folder stay, as on a real host.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::{AccessKey, Agent, AgentConfig, AgentError, HttpClient};
use chrono::{DateTime, Utc};
use kit::{Random, Shutdown};
use parking_lot::Mutex;
pub use runtime::fake::Delays;
use runtime::fake::{FakeHost, FakeRuntime};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::control_plane::key_pair;
use crate::{Client, ControlPlane, TestClock, eventually, settles};
use wire::Wire;

const TASK_ARN: &str = "com.amazonaws.ecs.task-arn";
const CONTAINER_NAME: &str = "com.amazonaws.ecs.container-name";
const PATIENCE: Duration = Duration::from_secs(30);
/// How long containers of stopped tasks are kept.
const CLEANUP_WAIT: Duration = Duration::from_millis(200);

/// What the hosts are like. Made by [`SimHosts::of`].
#[derive(Clone)]
pub struct Plan {
    servers: Vec<SocketAddr>,
    cluster: String,
    region: String,
    cpus: u32,
    memory_mib: u64,
    zones: Vec<String>,
    attributes: BTreeMap<String, String>,
    can_be_cut: bool,
    clock: TestClock,
    seed: u64,
}

impl Plan {
    #[must_use]
    pub fn cluster(self, cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            ..self
        }
    }

    #[must_use]
    pub fn region(self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self
        }
    }

    /// Processors and MiB of each host.
    #[must_use]
    pub fn sized(self, cpus: u32, memory_mib: u64) -> Self {
        Self {
            cpus,
            memory_mib,
            ..self
        }
    }

    /// Availability zones, dealt out in turn.
    #[must_use]
    pub fn zones(self, zones: &[&str]) -> Self {
        Self {
            zones: zones.iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    /// A custom attribute of all of these hosts.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts a relay between each host and the servers, for [`SimHost::cut`] and [`SimHost::silence`].
    #[must_use]
    pub fn with_wires(self) -> Self {
        Self {
            can_be_cut: true,
            ..self
        }
    }

    /// What the agents draw their random numbers from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Starts so many hosts. Does not wait for their agents.
    ///
    /// # Panics
    /// When no folder or port is to be had.
    pub async fn start(self, count: usize) -> SimHosts {
        crate::log_if_asked();
        let http = HttpClient::new();
        let mut hosts = Vec::with_capacity(count);
        for index in 0..count {
            hosts.push(SimHost::new(&self, index, http.clone()).await);
        }
        let server = self.servers.first().expect("there is a server");
        let client = Client::new(
            format!("http://{server}"),
            key_pair(),
            &self.region,
            self.clock.clone(),
        );
        SimHosts {
            hosts,
            client,
            cluster: self.cluster,
        }
    }

    /// Starts so many hosts and waits until all are connected.
    ///
    /// # Panics
    /// When they are not within 30 s.
    pub async fn connected(self, count: usize) -> SimHosts {
        let hosts = self.start(count).await;
        hosts.are_connected().await;
        hosts
    }
}

/// Simulated hosts of one cluster.
pub struct SimHosts {
    hosts: Vec<SimHost>,
    client: Client,
    cluster: String,
}

impl Deref for SimHosts {
    type Target = [SimHost];

    fn deref(&self) -> &[SimHost] {
        &self.hosts
    }
}

impl SimHosts {
    /// Hosts of two processors and 4 GiB that join the cluster `default` of these servers, which share a database.
    pub fn of(servers: &[&ControlPlane]) -> Plan {
        Plan {
            servers: servers.iter().map(|server| server.address()).collect(),
            cluster: "default".to_owned(),
            region: "us-east-1".to_owned(),
            cpus: 2,
            memory_mib: 4096,
            zones: vec!["us-east-1a".to_owned()],
            attributes: BTreeMap::new(),
            can_be_cut: false,
            clock: servers
                .first()
                .map(|server| server.clock().clone())
                .unwrap_or_default(),
            seed: 1,
        }
    }

    /// Waits until all agents that run are connected.
    ///
    /// # Panics
    /// When they are not within 30 s.
    pub async fn are_connected(&self) {
        settles("all agents are connected", PATIENCE, async || {
            let wanted: BTreeSet<String> = self
                .hosts
                .iter()
                .map(|host| host.arn().ok_or("not registered"))
                .collect::<Result<_, _>>()?;
            let input = json!({"cluster": self.cluster, "filter": "agentConnected == true"});
            let listed = self
                .client
                .call("ListContainerInstances", input)
                .await
                .map_err(|error| error.to_string())?;
            let connected: BTreeSet<String> = strings(&listed["containerInstanceArns"]).collect();
            match wanted.difference(&connected).count() {
                0 => Ok(()),
                missing => Err(format!("{missing} are not")),
            }
        })
        .await;
    }

    /// The host that a container instance's ARN names.
    ///
    /// # Panics
    /// When it is none of these.
    pub fn named(&self, arn: &str) -> &SimHost {
        self.hosts
            .iter()
            .find(|host| host.arn().as_deref() == Some(arn))
            .expect("one of these hosts")
    }

    /// ARNs of the tasks of which a container runs somewhere.
    pub fn running_tasks(&self) -> BTreeSet<String> {
        self.hosts.iter().flat_map(SimHost::running_tasks).collect()
    }

    /// Checks that each container of each task was started at most once, and each task on one host only. Holds at every moment, for
    /// containers without a restart policy.
    ///
    /// # Panics
    /// With what ran twice.
    pub fn nothing_ran_twice(&self) {
        /// A container's task and name.
        type Container = (String, String);
        let mut starts: BTreeMap<Container, Vec<(&str, DateTime<Utc>)>> = BTreeMap::new();
        let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for host in &self.hosts {
            for started in host.engine.started() {
                let label = |name: &str| started.labels.get(name).cloned().unwrap_or_default();
                let (task, start) = (label(TASK_ARN), (host.name.as_str(), started.at));
                homes.entry(task.clone()).or_default().insert(&host.name);
                starts
                    .entry((task, label(CONTAINER_NAME)))
                    .or_default()
                    .push(start);
            }
        }
        starts.retain(|_, starts| starts.len() > 1);
        homes.retain(|_, homes| homes.len() > 1);
        assert!(
            starts.is_empty(),
            "containers that were started more than once: {starts:#?}"
        );
        assert!(homes.is_empty(), "tasks that ran on several hosts: {homes:#?}");
    }

    /// Waits until hosts hold exactly the containers of the tasks that are RUNNING there: none is missing, none is left over, and
    /// stopped ones are cleared away.
    ///
    /// # Panics
    /// With what is missing or left over after 30 s.
    pub async fn no_container_left_over(&self) {
        settles(
            "hosts hold the containers of RUNNING tasks and no others",
            PATIENCE,
            async || {
                let tasks = self
                    .client
                    .tasks(&self.cluster, "RUNNING")
                    .await
                    .map_err(|error| error.to_string())?;
                let text = |task: &Value, name: &str| task[name].as_str().unwrap_or_default().to_owned();
                let unsettled: Vec<&Value> = tasks
                    .iter()
                    .filter(|task| task["lastStatus"] != "RUNNING")
                    .collect();
                if !unsettled.is_empty() {
                    return Err(format!("tasks on their way: {unsettled:?}"));
                }
                let wanted: BTreeSet<(String, String)> = tasks
                    .iter()
                    .map(|task| (text(task, "containerInstanceArn"), text(task, "taskArn")))
                    .collect();
                let mut held = BTreeSet::new();
                for host in &self.hosts {
                    let arn = host.arn().unwrap_or_default();
                    let ran: BTreeSet<String> = host.running_tasks();
                    for container in host.engine.containers() {
                        let task = container.labels.get(TASK_ARN).cloned().unwrap_or_default();
                        if !ran.contains(&task) {
                            return Err(format!("not cleared away on {}: {container:?}", host.name));
                        }
                        held.insert((arn.clone(), task));
                    }
                }
                let missing: Vec<_> = wanted.difference(&held).collect();
                let left_over: Vec<_> = held.difference(&wanted).collect();
                match missing.is_empty() && left_over.is_empty() {
                    true => Ok(()),
                    false => Err(format!("missing: {missing:?}, left over: {left_over:?}")),
                }
            },
        )
        .await;
    }
}

/// A simulated host.
pub struct SimHost {
    name: String,
    folder: PathBuf,
    engine: FakeRuntime,
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
    async fn new(plan: &Plan, index: usize, http: HttpClient) -> Self {
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

fn strings(list: &Value) -> impl Iterator<Item = String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
}
