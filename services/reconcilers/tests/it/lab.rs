//! A server with its loops, and hosts whose agents do what the test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::{ContainerInstanceId, DesiredStatus, TaskStatus};
use kit::{Clock, Random, Shutdown, Tasks};
use reconcilers::{ReconcilerConfig, Reconcilers, Surroundings};
use serde_json::{Value, json};
use test_support::{Host, TestApi};
use uuid::Uuid;

/// How long a test waits for what should come soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the played agents do with tasks that are to run, by image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Runs,
    /// Never gets as far as RUNNING.
    FailsToStart,
    /// Stays where it is.
    Hangs,
}

pub struct Lab {
    pub api: TestApi,
    pub reconcilers: Reconcilers,
    pub tasks: Tasks,
    behaviours: BTreeMap<String, Behaviour>,
    /// The host port that the next task gets.
    next_port: AtomicU16,
}

pub fn config() -> ReconcilerConfig {
    ReconcilerConfig {
        unsettled_period: Duration::from_millis(200),
        host_period: Duration::from_millis(100),
        reaper_period: Duration::from_millis(100),
        sleep_period: Duration::from_millis(100),
        host_loss_after: TimeDelta::milliseconds(300),
        ..ReconcilerConfig::default()
    }
}

/// The surroundings of a server on the same database as `api`.
pub fn surroundings(api: &TestApi, config: ReconcilerConfig) -> Surroundings {
    Surroundings {
        db: api.db(),
        placer: api.api().placer.clone(),
        clock: Arc::new(api.clock().clone()),
        vault: api.api().vault.clone(),
        random: Random::seeded(7),
        config: Arc::new(config),
    }
}

impl Lab {
    /// A server with cluster `default`, so many hosts of two cores in one zone, and definitions web:1 and web:2 of 128 units.
    pub async fn new(hosts: usize) -> Self {
        let api = TestApi::new().await;
        // The database's own clock is read too.
        api.clock().set(Utc::now());
        api.ok("CreateCluster", json!({})).await;
        for _ in 0..hosts {
            api.host("default", Host::sized(2048, 4096)).await;
        }
        for _ in 0..2 {
            register(
                &api,
                json!({"name": "app", "image": "app", "cpu": 128, "memory": 64}),
            )
            .await;
        }
        let surroundings = surroundings(&api, config());
        let tasks = Tasks::new(Shutdown::new());
        hold_lease(&tasks, &api).await;
        let reconcilers = Reconcilers::start(&tasks, &surroundings);
        Self {
            api,
            reconcilers,
            tasks,
            behaviours: BTreeMap::new(),
            next_port: AtomicU16::new(32_768),
        }
    }

    /// From now on the agents do this with tasks of `web:<revision>`.
    pub fn behave(&mut self, revision: u32, behaviour: Behaviour) {
        self.behaviours.insert(format!("web:{revision}"), behaviour);
    }

    pub fn pass(&self, time: TimeDelta) {
        self.api.clock().advance(time);
        self.reconcilers.look_now();
    }

    /// CreateService `web` of `web:1` with more members.
    pub async fn create(&self, more: Value) -> Value {
        let mut body = json!({"serviceName": "web", "taskDefinition": "web:1"});
        merge(&mut body, more);
        self.api.ok("CreateService", body).await["service"].clone()
    }

    pub async fn update(&self, more: Value) -> Value {
        let mut body = json!({"service": "web"});
        merge(&mut body, more);
        self.api.ok("UpdateService", body).await["service"].clone()
    }

    pub async fn service(&self) -> Value {
        self.api
            .ok("DescribeServices", json!({"services": ["web"]}))
            .await["services"][0]
            .clone()
    }

    /// All tasks of the cluster that are shown.
    pub async fn all_tasks(&self) -> Vec<Value> {
        let mut arns = Vec::new();
        for desired in ["RUNNING", "STOPPED"] {
            let mut token = Value::Null;
            loop {
                let mut body = json!({"desiredStatus": desired});
                if !token.is_null() {
                    body["nextToken"] = token;
                }
                let page = self.api.ok("ListTasks", body).await;
                arns.extend(page["taskArns"].as_array().unwrap().clone());
                token = page["nextToken"].clone();
                if token.is_null() {
                    break;
                }
            }
        }
        let mut tasks = Vec::new();
        for part in arns.chunks(100) {
            let reply = self.api.ok("DescribeTasks", json!({"tasks": part})).await;
            tasks.extend(reply["tasks"].as_array().unwrap().clone());
        }
        tasks
    }

    /// One round of all agents: tasks that are to run do what they do, tasks that they are told to stop stop.
    pub async fn play_agents(&self) {
        let told_to_stop = self.told_to_stop().await;
        for task in self.all_tasks().await {
            let arn = task["taskArn"].as_str().unwrap();
            let last = task["lastStatus"].as_str().unwrap();
            if last == "STOPPED" {
                continue;
            }
            if task["desiredStatus"] == "STOPPED" {
                if !told_to_stop.contains(arn.rsplit('/').next().unwrap()) {
                    continue;
                }
                self.api
                    .report("default", arn, TaskStatus::Stopped, Some(0))
                    .await;
                continue;
            }
            if last == "RUNNING" {
                continue;
            }
            match self.behaviour(&task) {
                Behaviour::Runs => {
                    let port = self.next_port.fetch_add(1, Ordering::Relaxed);
                    self.api.report_running_at("default", arn, port).await;
                }
                Behaviour::FailsToStart => {
                    self.api.report("default", arn, TaskStatus::Stopped, None).await;
                }
                Behaviour::Hangs => {}
            }
        }
    }

    /// Ids of the tasks that gateways tell their agents to stop.
    pub async fn told_to_stop(&self) -> BTreeSet<String> {
        let hosts: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM container_instances")
            .fetch_all(self.api.db().pool())
            .await
            .unwrap();
        let looks = store::instances::look(&self.api.db(), &hosts, self.api.clock().now())
            .await
            .unwrap();
        let tasks = looks.into_values().flat_map(|look| look.tasks);
        let told = tasks.filter(|task| task.desired_status == DesiredStatus::Stopped);
        told.map(|task| task.assignment.id.simple().to_string()).collect()
    }

    fn behaviour(&self, task: &Value) -> Behaviour {
        let definition = task["taskDefinitionArn"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        self.behaviours
            .get(definition)
            .copied()
            .unwrap_or(Behaviour::Runs)
    }

    /// Waits, with idle agents, until the service is as wanted.
    pub async fn wait(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(what, false, wanted).await
    }

    /// Waits, with busy agents, until the service is as wanted.
    pub async fn play_until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(what, true, wanted).await
    }

    async fn until(&self, what: &str, playing: bool, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let service = self.service().await;
            if wanted(&service) {
                return service;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{what}: {service:#}\n{:#?}",
                self.reconcilers.statuses()
            );
            if playing {
                self.play_agents().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The service with `count` tasks, all of them healthy, and its deployment COMPLETED.
    pub async fn steady(&self, count: u64) -> Value {
        self.play_until("tasks run", |service| counts(service) == (count, count, 0))
            .await;
        self.pass(TimeDelta::seconds(41));
        self.play_until("the service is stable", |service| {
            counts(service) == (count, count, 0) && is_stable(service)
        })
        .await
    }

    pub async fn connected(&self, host: ContainerInstanceId) {
        let cluster = store::clusters::find_active(&self.api.db(), self.api.scope(), "default")
            .await
            .unwrap()
            .unwrap();
        self.api.connect(cluster.id, host).await;
    }

    /// The agent of the host is away from now on.
    pub async fn disconnect(&self, host: ContainerInstanceId) {
        let session = uuid::Uuid::new_v4();
        let cluster = store::clusters::find_active(&self.api.db(), self.api.scope(), "default")
            .await
            .unwrap()
            .unwrap();
        let session = store::instances::Session {
            cluster_id: cluster.id,
            instance: host.uuid(),
            server: uuid::Uuid::nil(),
            session,
            address: None,
            agent_version: String::new(),
            agent_hash: String::new(),
            docker_version: String::new(),
        };
        let (db, now) = (self.api.db(), self.api.clock().now());
        store::instances::connect(&db, &session, now).await.unwrap();
        assert!(store::instances::disconnect(&db, &session, now).await.unwrap());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.tasks.shutdown().request();
    }
}

/// The server that hosts are connected to lives as long as `tasks`.
pub async fn hold_lease(tasks: &Tasks, api: &TestApi) {
    let (db, shutdown) = (api.db(), tasks.shutdown().clone());
    store::leases::renew(&db, uuid::Uuid::nil()).await.unwrap();
    tasks.spawn_job("lease", async move {
        while shutdown
            .unless_requested(tokio::time::sleep(store::leases::RENEWAL))
            .await
            .is_some()
        {
            drop(store::leases::renew(&db, uuid::Uuid::nil()).await);
        }
    });
}

/// Registers another revision of `web` with this container.
pub async fn register(api: &TestApi, container: Value) -> Value {
    let body = json!({"family": "web", "containerDefinitions": [container]});
    api.ok("RegisterTaskDefinition", body).await["taskDefinition"].clone()
}

pub fn merge(body: &mut Value, more: Value) {
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
}

/// desiredCount, runningCount, pendingCount.
pub fn counts(service: &Value) -> (u64, u64, u64) {
    let count = |name: &str| service[name].as_u64().unwrap();
    (
        count("desiredCount"),
        count("runningCount"),
        count("pendingCount"),
    )
}

/// What the waiter ServicesStable looks at, and the deployment's end (W-13).
pub fn is_stable(service: &Value) -> bool {
    let deployments = service["deployments"].as_array().unwrap();
    deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED"
}

/// Messages of the events, oldest first.
pub fn messages(service: &Value) -> Vec<String> {
    let events = service["events"].as_array().unwrap();
    events
        .iter()
        .rev()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Messages with ids of tasks and deployments left out.
pub fn outline(service: &Value) -> Vec<String> {
    let plain = |message: String| {
        let words = message.split(' ').map(|word| {
            let digits = word.trim_end_matches([')', '.', ':']);
            match digits.len() == 32 || digits.starts_with("ecs-svc/") {
                true => word.replace(digits, "_"),
                false => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    messages(service).into_iter().map(plain).collect()
}
