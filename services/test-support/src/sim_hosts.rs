//! Hosts without containers: the real agent over an engine in memory, many of them in one process.
//!
//! An agent may be killed and started again; its engine and its state folder stay, as on a real host.

mod checks;
mod host;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use agent::HttpClient;
pub use runtime::fake::Delays;
use serde_json::{Value, json};

use crate::control_plane::key_pair;
use crate::{Client, ControlPlane, TestClock, settles};
pub use host::SimHost;

const TASK_ARN: &str = "com.amazonaws.ecs.task-arn";
const CONTAINER_NAME: &str = "com.amazonaws.ecs.container-name";
const PATIENCE: Duration = Duration::from_secs(30);

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
}

fn strings(list: &Value) -> impl Iterator<Item = String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
}
