//! An agent under test: may be started, killed and started again on the same host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::{AccessKey, Agent, AgentConfig, AgentError};
use agent_protocol::Task;
use agent_protocol::task::{
    Container, ContainerDependency, DependencyCondition, DesiredStatus, DockerConfig,
};
use kit::Shutdown;
use runtime::FakeRuntime;
use tokio::task::JoinHandle;

use crate::backend::{Backend, CLUSTER_ARN};

pub struct Bench {
    pub backend: Backend,
    pub fake: FakeRuntime,
    pub config: AgentConfig,
    folder: PathBuf,
    running: Option<(Shutdown, JoinHandle<Result<(), AgentError>>)>,
}

impl Bench {
    /// A host whose agent is not started yet.
    pub async fn idle() -> Self {
        let backend = Backend::start().await;
        let credentials = AccessKey {
            access_key_id: "AK".into(),
            secret_access_key: "SK".into(),
            session_token: None,
        };
        let mut config = AgentConfig::new(backend.url(), "demo", credentials);
        let folder = std::env::temp_dir().join(format!("berth-agent-it-{}", uuid::Uuid::new_v4()));
        config.data_dir = Some(folder.clone());
        config.task_cgroups = false;
        config.session.reconnect = (Duration::from_millis(5), Duration::from_millis(50));
        config.session.submit_retry_limit = Duration::from_millis(50);
        config.container_stop_timeout = Duration::from_millis(200);
        Self {
            backend,
            fake: FakeRuntime::default(),
            config,
            folder,
            running: None,
        }
    }

    /// A host with an agent that is connected.
    pub async fn new() -> Self {
        let mut bench = Self::idle().await;
        bench.start();
        bench.backend.connected().await;
        bench
    }

    pub fn start(&mut self) {
        let shutdown = Shutdown::new();
        let agent = Agent::new(self.config.clone(), Arc::new(self.fake.clone()));
        self.running = Some((shutdown.clone(), tokio::spawn(agent.run(shutdown))));
    }

    /// As kill -9: nothing is finished, nothing is said.
    pub async fn kill(&mut self) {
        if let Some((_, agent)) = self.running.take() {
            agent.abort();
            let _ = agent.await;
            // A process takes its writes with it; here one may be under way still, and holds the folder's lock.
            let lock = self.folder.join("lock");
            let gone =
                tokio::task::spawn_blocking(move || std::fs::File::open(lock).and_then(|lock| lock.lock()));
            let _ = gone.await;
        }
    }

    /// A clean shutdown.
    pub async fn stop(&mut self) -> Result<(), AgentError> {
        let (shutdown, agent) = self.running.take().unwrap();
        shutdown.request();
        agent.await.unwrap()
    }

    /// Waits for the agent's own end.
    pub async fn ended(&mut self) -> Result<(), AgentError> {
        self.running.take().unwrap().1.await.unwrap()
    }

    /// The engine's name of a container, once it runs.
    pub async fn running_container(&self, arn: &str, container: &str) -> String {
        let find = |fake: &FakeRuntime| {
            fake.running().into_iter().find(|found| {
                found
                    .labels
                    .get("com.amazonaws.ecs.task-arn")
                    .is_some_and(|found| found == arn)
                    && found
                        .labels
                        .get("com.amazonaws.ecs.container-name")
                        .is_some_and(|name| name == container)
            })
        };
        let waiting = self.fake.wait_for(|fake| find(fake).is_some());
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .expect("the container runs");
        find(&self.fake).unwrap().name
    }

    /// How often containers with these labels were started.
    pub fn starts(&self, arn: &str, container: &str) -> usize {
        let ours = |started: &&runtime::fake::Started| {
            started
                .labels
                .get("com.amazonaws.ecs.task-arn")
                .is_some_and(|found| found == arn)
                && started
                    .labels
                    .get("com.amazonaws.ecs.container-name")
                    .is_some_and(|name| name == container)
        };
        self.fake.started().iter().filter(ours).count()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some((_, agent)) = self.running.take() {
            agent.abort();
            // Its last write holds the lock.
            let _ = std::fs::File::open(self.folder.join("lock")).and_then(|lock| lock.lock());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn arn(id: &str) -> String {
    format!("arn:aws:ecs:us-east-1:000000000000:task/demo/{id}")
}

pub fn task(id: &str, containers: Vec<Container>) -> Task {
    Task {
        arn: arn(id),
        task_cluster_arn: Some(CLUSTER_ARN.into()),
        family: "web".into(),
        version: "1".into(),
        desired_status: DesiredStatus::Running,
        containers,
        ..Task::default()
    }
}

pub fn container(name: &str, image: &str) -> Container {
    Container {
        name: name.into(),
        image: image.into(),
        essential: true,
        ..Container::default()
    }
}

pub fn helper(name: &str, image: &str) -> Container {
    Container {
        essential: false,
        ..container(name, image)
    }
}

pub fn after(mut container: Container, target: &str, condition: DependencyCondition) -> Container {
    container.depends_on.push(ContainerDependency {
        container_name: target.into(),
        condition,
    });
    container
}

/// Gives a container a health check.
pub fn checked(mut container: Container) -> Container {
    let check = r#"{"Healthcheck":{"Test":["CMD","true"],"Interval":1000000000}}"#;
    container.health_check_type = Some(agent_protocol::task::HealthCheckType::Docker);
    container.docker_config = Some(DockerConfig {
        config: Some(check.into()),
        ..DockerConfig::default()
    });
    container
}
