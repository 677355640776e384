//! Hosts without agents: registered and connected in the store, for tests that look at placement and at the life of tasks. Tests report
//! what agents would.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use domain::{ContainerInstanceId, ContainerStatus, TaskId, TaskStatus};
use store::instances::{self, Registration, Session};
use store::task_reports::{self, Applied, ContainerReport, TaskReport};
use store::tasks::NetworkBindingRecord;
use uuid::Uuid;

use crate::TestApi;

/// What a host has.
#[derive(Debug, Clone)]
pub struct Host {
    pub cpu: i64,
    pub memory: i64,
    pub attributes: BTreeMap<String, Option<String>>,
    pub gpus: Vec<String>,
}

/// What our own agent declares and tests' definitions need.
const CAPABILITIES: &[&str] = &[
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.task-cpu-mem-limit",
];

impl Default for Host {
    /// Two cores, 4 GiB, zone `us-east-1a`.
    fn default() -> Self {
        let mut attributes: BTreeMap<_, _> = CAPABILITIES
            .iter()
            .map(|name| ((*name).to_owned(), None))
            .collect();
        for (name, value) in [
            ("ecs.availability-zone", "us-east-1a"),
            ("ecs.os-type", "linux"),
            ("ecs.cpu-architecture", "x86_64"),
        ] {
            attributes.insert(name.to_owned(), Some(value.to_owned()));
        }
        Self {
            cpu: 2048,
            memory: 4096,
            attributes,
            gpus: Vec::new(),
        }
    }
}

impl Host {
    pub fn sized(cpu: i64, memory: i64) -> Self {
        Self {
            cpu,
            memory,
            ..Self::default()
        }
    }

    pub fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes
            .insert(attribute.to_owned(), Some(value.to_owned()));
        self
    }

    pub fn zone(self, zone: &str) -> Self {
        self.with("ecs.availability-zone", zone)
    }
}

impl TestApi {
    /// A host in an ACTIVE cluster, connected.
    pub async fn host(&self, cluster: &str, host: Host) -> ContainerInstanceId {
        let row = store::clusters::find_active(&self.db(), self.scope(), cluster)
            .await
            .expect("the database answers");
        let row = row.expect("the cluster is there");
        let id = ContainerInstanceId(Uuid::new_v4());
        let registration = Registration {
            cluster_id: row.id,
            cluster_name: row.name,
            id,
            again: false,
            client_token: None,
            ec2_instance_id: None,
            attributes: host.attributes,
            agent_version: Some("1.0.0".to_owned()),
            agent_hash: None,
            docker_version: None,
            cpu: host.cpu,
            memory: host.memory,
            reserved_ports: vec![22],
            reserved_ports_udp: Vec::new(),
            gpus: host.gpus,
            tags: Vec::new(),
        };
        let now = kit::Clock::now(self.clock());
        instances::register(&self.db(), self.scope(), &registration, now)
            .await
            .expect("registers")
            .expect("is there");
        self.connect(row.id, id).await;
        id
    }

    /// Marks a host's agent connected.
    pub async fn connect(&self, cluster_id: i64, id: ContainerInstanceId) {
        let session = Session {
            cluster_id,
            instance: id.uuid(),
            server: Uuid::nil(),
            session: Uuid::new_v4(),
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            agent_version: String::new(),
            agent_hash: String::new(),
            docker_version: String::new(),
        };
        let now = kit::Clock::now(self.clock());
        instances::connect(&self.db(), &session, now)
            .await
            .expect("connects")
            .expect("is there");
    }

    /// Reports a task and all of its containers as RUNNING or STOPPED, as an agent does.
    pub async fn report(
        &self,
        cluster: &str,
        task_arn: &str,
        status: TaskStatus,
        exit_code: Option<i32>,
    ) -> Applied {
        self.report_with(cluster, task_arn, status, exit_code, &[]).await
    }

    /// Reports a task and all of its containers as RUNNING, the containers' port 80 at this port of the host.
    pub async fn report_running_at(&self, cluster: &str, task_arn: &str, host_port: u16) -> Applied {
        let binding = NetworkBindingRecord {
            bind_ip: Some("0.0.0.0".to_owned()),
            container_port: Some(80),
            host_port: Some(host_port.into()),
            protocol: "tcp".to_owned(),
            ..NetworkBindingRecord::default()
        };
        self.report_with(cluster, task_arn, TaskStatus::Running, None, &[binding])
            .await
    }

    async fn report_with(
        &self,
        cluster: &str,
        task_arn: &str,
        status: TaskStatus,
        exit_code: Option<i32>,
        network_bindings: &[NetworkBindingRecord],
    ) -> Applied {
        let id: TaskId = task_arn
            .rsplit('/')
            .next()
            .and_then(|id| id.parse().ok())
            .expect("a task's ARN");
        let shown = store::tasks::shown(&self.db(), self.scope(), cluster, &[id])
            .await
            .expect("the database answers");
        let names = shown.iter().flat_map(|shown| {
            shown
                .task
                .containers
                .0
                .iter()
                .map(|container| container.name.clone())
        });
        let container_status = match status {
            TaskStatus::Stopped => ContainerStatus::Stopped,
            TaskStatus::Running => ContainerStatus::Running,
            _ => ContainerStatus::Pending,
        };
        let container = |name| ContainerReport {
            name,
            status: Some(container_status),
            exit_code,
            network_bindings: network_bindings.to_vec(),
            ..ContainerReport::default()
        };
        let report = TaskReport {
            status: Some(status),
            containers: names.map(container).collect(),
            ..TaskReport::default()
        };
        let now = kit::Clock::now(self.clock());
        task_reports::apply(&self.db(), self.scope(), cluster, id, &report, now)
            .await
            .expect("applies")
    }
}
