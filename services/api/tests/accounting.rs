//! What hosts have left is what they registered less what their tasks hold, whatever happens at the same time (I-03; check 1 of
//! section 28).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::ContainerInstanceId;
use kit::Random;
use serde_json::{Value, json};
use store::instances::Session;
use test_support::{Refusal, TestApi};
use uuid::Uuid;

const CPU: i64 = 64;
const MEMORY: i64 = 32;

struct World {
    api: TestApi,
    cluster_id: i64,
    instances: Vec<String>,
}

impl World {
    async fn new(hosts: usize) -> Self {
        let api = TestApi::new().await;
        api.ok("CreateCluster", json!({})).await;
        let cluster = store::clusters::find_active(&api.db(), api.scope(), "default")
            .await
            .unwrap();
        let mut world = Self {
            api,
            cluster_id: cluster.unwrap().id,
            instances: Vec::new(),
        };
        for n in 0..hosts {
            let arn = format!(
                "arn:aws:ecs:us-east-1:000000000000:container-instance/default/{:032x}",
                n + 1
            );
            world.instances.push(arn.clone());
            world.register(&arn).await.unwrap();
            world.connect(&arn).await;
        }
        let definition = json!({
            "family": "web",
            "containerDefinitions": [{ "name": "web", "image": "tiny", "cpu": CPU, "memory": MEMORY }],
        });
        world.api.ok("RegisterTaskDefinition", definition).await;
        world
    }

    async fn register(&self, arn: &str) -> Result<Value, Refusal> {
        let body = json!({
            "containerInstanceArn": arn,
            "attributes": [{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }],
            "totalResources": [
                { "name": "CPU", "type": "INTEGER", "integerValue": 8 * CPU },
                { "name": "MEMORY", "type": "INTEGER", "integerValue": 8 * MEMORY },
            ],
        });
        self.api.call("RegisterContainerInstance", body).await
    }

    fn session(&self, arn: &str) -> Session {
        Session {
            cluster_id: self.cluster_id,
            instance: uuid(arn),
            server: Uuid::nil(),
            session: uuid(arn),
            address: None,
            agent_version: "1".to_owned(),
            agent_hash: String::new(),
            docker_version: String::new(),
        }
    }

    async fn connect(&self, arn: &str) {
        store::instances::connect(&self.api.db(), &self.session(arn), self.api.context().now())
            .await
            .unwrap();
    }

    async fn lose(&self, arn: &str) {
        let (db, now) = (self.api.db(), self.api.context().now());
        store::instances::disconnect(&db, &self.session(arn), now)
            .await
            .unwrap();
        store::task_reports::stop_all_on_lost_host(&db, uuid(arn), now, "TerminationNotice", "lost", now)
            .await
            .unwrap();
        self.connect(arn).await;
    }

    async fn tasks(&self) -> Vec<Value> {
        let mut arns = Vec::new();
        for desired in ["RUNNING", "STOPPED"] {
            let mut ask = json!({ "desiredStatus": desired });
            loop {
                let reply = self.api.ok("ListTasks", ask.clone()).await;
                arns.extend(reply["taskArns"].as_array().unwrap().clone());
                match reply.get("nextToken") {
                    Some(token) => ask["nextToken"] = token.clone(),
                    None => break,
                }
            }
        }
        let mut tasks = Vec::new();
        for part in arns.chunks(100) {
            let reply = self.api.ok("DescribeTasks", json!({ "tasks": part })).await;
            tasks.extend(reply["tasks"].as_array().unwrap().clone());
        }
        tasks
    }

    /// One thing that happens. Refusals are part of life, faults are not.
    async fn act(&self, random: &Random) {
        let arn = &self.instances[random.below(self.instances.len())];
        let done = match random.below(24) {
            0..=7 => {
                self.api
                    .call(
                        "RunTask",
                        json!({ "taskDefinition": "web", "count": 1 + random.below(3) }),
                    )
                    .await
            }
            8..=9 => {
                self.on_a_task(random, |task| ("StopTask", json!({ "task": task })))
                    .await
            }
            10..=12 => self.report(random, "RUNNING").await,
            13..=18 => self.report(random, "STOPPED").await,
            19 => {
                self.lose(arn).await;
                Ok(Value::Null)
            }
            20 => self.register(arn).await,
            21 => {
                let status = ["ACTIVE", "DRAINING"][random.below(2)];
                let body = json!({ "containerInstances": self.instances, "status": status });
                self.api.call("UpdateContainerInstancesState", body).await
            }
            22 => {
                let value = random.below(9).to_string();
                let attributes = json!([{ "name": "x", "value": value, "targetId": arn }]);
                self.api
                    .call("PutAttributes", json!({ "attributes": attributes }))
                    .await
            }
            _ => {
                let body = json!({ "containerInstance": arn, "force": random.below(3) > 0 });
                let done = self.api.call("DeregisterContainerInstance", body).await;
                if done.is_ok() {
                    self.register(arn).await.unwrap();
                    self.connect(arn).await;
                }
                done
            }
        };
        if let Err(refusal) = done {
            assert!(!refusal.is_fault(), "{refusal:?}");
        }
    }

    async fn report(&self, random: &Random, status: &str) -> Result<Value, Refusal> {
        let containers = json!([{ "containerName": "web", "exitCode": 0, "status": status }]);
        self.on_a_task(random, |task| {
            (
                "SubmitTaskStateChange",
                json!({ "task": task, "status": status, "containers": containers }),
            )
        })
        .await
    }

    /// A call about a task that is not old.
    async fn on_a_task(
        &self,
        random: &Random,
        call: impl Fn(&Value) -> (&'static str, Value),
    ) -> Result<Value, Refusal> {
        let reply = self.api.ok("ListTasks", json!({})).await;
        let arns = reply["taskArns"].as_array().unwrap();
        if arns.is_empty() {
            return Ok(Value::Null);
        }
        let (operation, body) = call(&arns[random.below(arns.len())]);
        self.api.call(operation, body).await
    }

    async fn check(&self) {
        let mut held: BTreeMap<&str, i64> = BTreeMap::new();
        let tasks = self.tasks().await;
        for task in tasks.iter().filter(|task| task["lastStatus"] != "STOPPED") {
            *held
                .entry(task["containerInstanceArn"].as_str().unwrap())
                .or_default() += 1;
        }
        let body = json!({ "containerInstances": self.instances });
        let reply = self.api.ok("DescribeContainerInstances", body).await;
        let instances = reply["containerInstances"].as_array().unwrap();
        assert_eq!(instances.len(), self.instances.len());
        for instance in instances {
            let count = held
                .get(instance["containerInstanceArn"].as_str().unwrap())
                .copied()
                .unwrap_or(0);
            assert_eq!(used(instance, "CPU"), count * CPU, "{instance:#}");
            assert_eq!(used(instance, "MEMORY"), count * MEMORY);
        }
    }
}

fn used(instance: &Value, name: &str) -> i64 {
    let amount = |list: &Value| {
        let found = list
            .as_array()
            .unwrap()
            .iter()
            .find(|resource| resource["name"] == name);
        found.unwrap()["integerValue"].as_i64().unwrap()
    };
    amount(&instance["registeredResources"]) - amount(&instance["remainingResources"])
}

fn uuid(arn: &str) -> Uuid {
    arn.rsplit('/')
        .next()
        .unwrap()
        .parse::<ContainerInstanceId>()
        .unwrap()
        .uuid()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i03_what_remains_is_what_tasks_do_not_hold_whatever_happens_at_once() {
    let world = Arc::new(World::new(3).await);
    for round in 0..3 {
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let world = world.clone();
                tokio::spawn(async move {
                    let random = Random::seeded(round * 100 + worker);
                    for _ in 0..25 {
                        world.act(&random).await;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        world.check().await;
    }
}
