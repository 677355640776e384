//! What tests of a whole Berth share: a control plane in this process, simulated hosts, and what tests ask of them again and again.

pub mod record;

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::{Client, ControlPlane, Settings, SimHosts, TestDb, settles};

pub use record::{Bounds, Record};

/// How long anything may take that takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(40);
pub const CLUSTER: &str = "default";

/// One server on a database of its own, with simulated hosts.
pub struct World {
    // The order in which they end.
    pub hosts: SimHosts,
    pub client: Client,
    pub server: ControlPlane,
    pub db: TestDb,
}

impl World {
    /// So many hosts of two processors and 4 GiB in the cluster `default`.
    pub async fn with_hosts(count: usize) -> Self {
        Self::start(Settings::default(), count, |plan| plan).await
    }

    /// Hosts as `plan` makes them.
    pub async fn start(
        settings: Settings,
        count: usize,
        plan: impl FnOnce(test_support::sim_hosts::Plan) -> test_support::sim_hosts::Plan,
    ) -> Self {
        let db = TestDb::new().await;
        let server = ControlPlane::start(db.options(), settings).await;
        let client = server.client();
        client.ok("CreateCluster", json!({"clusterName": CLUSTER})).await;
        let hosts = plan(SimHosts::of(&[&server])).connected(count).await;
        Self {
            hosts,
            client,
            server,
            db,
        }
    }

    /// The database, for looks at one instant.
    pub fn pool(&self) -> PgPool {
        self.db.db().pool().clone()
    }

    /// Registers a definition with one container `app` of 128 CPU units and 64 MiB. Gives its ARN.
    pub async fn define(&self, family: &str, image: &str) -> String {
        define(&self.client, family, image).await
    }

    /// Creates a service in the cluster; `more` is merged into the request.
    pub async fn create_service(
        &self,
        name: &str,
        task_definition: &str,
        desired_count: i32,
        more: Value,
    ) -> Value {
        let mut input = json!({"cluster": CLUSTER, "serviceName": name, "taskDefinition": task_definition, "desiredCount": desired_count});
        merge(&mut input, more);
        self.client.ok("CreateService", input).await["service"].clone()
    }

    /// Updates a service with what `change` says.
    pub async fn update_service(&self, name: &str, change: Value) -> Value {
        let mut input = json!({"cluster": CLUSTER, "service": name});
        merge(&mut input, change);
        self.client.ok("UpdateService", input).await["service"].clone()
    }

    /// Waits until the service is as a finished deployment leaves it (W-13), and gives it.
    pub async fn steady(&self, name: &str) -> Value {
        steady(&self.client, name).await
    }

    /// The service as it is now.
    pub async fn service(&self, name: &str) -> Value {
        self.client
            .service(CLUSTER, name)
            .await
            .expect("the server answers")
    }

    /// Waits until the service has an event with this text.
    pub async fn event(&self, name: &str, text: &str) {
        settles(&format!("service {name} says {text:?}"), PATIENCE, async || {
            let events = self.events(name).await;
            if events.iter().any(|event| event.contains(text)) {
                Ok(())
            } else {
                Err(format!("{events:#?}"))
            }
        })
        .await;
    }

    /// Texts of the service's events, newest first.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let service = self.service(name).await;
        let events = service["events"].as_array().cloned().unwrap_or_default();
        events
            .iter()
            .filter_map(|event| event["message"].as_str().map(str::to_owned))
            .collect()
    }

    /// The tasks of a service that are to run.
    pub async fn tasks_of(&self, service: &str) -> Vec<Value> {
        let tasks = self
            .client
            .tasks(CLUSTER, "RUNNING")
            .await
            .expect("the server answers");
        tasks
            .into_iter()
            .filter(|task| task["group"] == format!("service:{service}"))
            .collect()
    }

    /// Starts a task and waits until it is RUNNING. Gives its ARN.
    pub async fn run(&self, task_definition: &str) -> String {
        let started = self
            .client
            .ok(
                "RunTask",
                json!({"cluster": CLUSTER, "taskDefinition": task_definition}),
            )
            .await;
        assert_eq!(started["failures"], json!([]));
        let arn = text(&started["tasks"][0], "taskArn");
        self.task_is(&arn, "RUNNING").await;
        arn
    }

    /// Waits until a task's last status is `status`, and gives the task.
    pub async fn task_is(&self, arn: &str, status: &str) -> Value {
        test_support::eventually(&format!("{arn} is {status}"), PATIENCE, async || {
            let task = self.task(arn).await;
            (task["lastStatus"] == status).then_some(task)
        })
        .await
    }

    /// One task as it is now.
    pub async fn task(&self, arn: &str) -> Value {
        let shown = self
            .client
            .ok("DescribeTasks", json!({"cluster": CLUSTER, "tasks": [arn]}))
            .await;
        shown["tasks"][0].clone()
    }

    /// What must hold at the end of every test: nothing ran twice, nothing is left over, the books balance, no loop broke.
    pub async fn all_is_well(&self) {
        self.hosts.no_container_left_over().await;
        self.hosts.nothing_ran_twice();
        test_support::books::balance(&self.pool()).await;
        assert_eq!(self.server.failure().await, None);
    }
}

/// Registers a definition with one container `app` of 128 CPU units and 64 MiB. Gives its ARN.
pub async fn define(client: &Client, family: &str, image: &str) -> String {
    let container = json!({"name": "app", "image": image, "cpu": 128, "memory": 64, "essential": true});
    let input = json!({"family": family, "containerDefinitions": [container]});
    let registered = client.insist("RegisterTaskDefinition", input).await;
    text(&registered["taskDefinition"], "taskDefinitionArn")
}

/// Waits until only the PRIMARY deployment is left, COMPLETED, and runs what is desired (W-13).
pub async fn steady(client: &Client, name: &str) -> Value {
    let mut last = Value::Null;
    settles(&format!("service {name} is steady"), PATIENCE, async || {
        last = client
            .service(CLUSTER, name)
            .await
            .map_err(|error| error.to_string())?;
        let (deployments, primary) = (&last["deployments"], &last["deployments"][0]);
        let done = deployments.as_array().is_some_and(|all| all.len() == 1)
            && primary["rolloutState"] == "COMPLETED"
            && last["runningCount"] == last["desiredCount"]
            && last["pendingCount"] == 0;
        let first_events: Vec<_> = last["events"].as_array().into_iter().flatten().take(4).collect();
        if done {
            Ok(())
        } else {
            Err(format!("{deployments:#} {first_events:?}"))
        }
    })
    .await;
    last
}

/// A string member.
///
/// # Panics
/// When it is missing.
pub fn text(object: &Value, name: &str) -> String {
    object[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {object}"))
        .to_owned()
}

/// Puts the members of `more` into `object`.
pub fn merge(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}
