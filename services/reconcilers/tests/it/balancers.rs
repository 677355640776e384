//! A lab whose service is behind load balancers.

use serde_json::{Value, json};
use store::Wake;
use uuid::Uuid;

use crate::lab::{Lab, is_stable, merge, messages, outline, register};

/// Seconds that targets drain.
pub const DELAY: u32 = 30;

/// A lab, and target groups that drain for [`DELAY`] seconds, to which services of `web:3` and `web:4` send requests at port 80.
pub struct Balanced {
    pub lab: Lab,
    pub groups: Vec<String>,
}

/// A row of `targets`, with the group's place in the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub group: usize,
    pub task: String,
    pub id: String,
    pub port: i32,
    pub address: Option<String>,
    pub draining: bool,
}

impl Balanced {
    pub async fn new(hosts: usize, groups: usize) -> Self {
        let lab = Lab::new(hosts).await;
        let mut arns = Vec::new();
        for number in 0..groups {
            arns.push(lab.api.target_group(&format!("group-{number}"), DELAY).await);
        }
        for _ in 0..2 {
            let container = json!({
                "name": "app", "image": "app", "cpu": 128, "memory": 64, "portMappings": [{"containerPort": 80}]
            });
            register(&lab.api, container).await;
        }
        Self { lab, groups: arns }
    }

    /// The service `web` of `web:3`, registered in all groups.
    pub async fn create(&self, desired: u64, more: Value) -> Value {
        let mut body = json!({"taskDefinition": "web:3", "desiredCount": desired, "loadBalancers": self.load_balancers()});
        merge(&mut body, more);
        self.lab.create(body).await
    }

    pub fn load_balancers(&self) -> Value {
        let one = |arn: &String| json!({"targetGroupArn": arn, "containerName": "app", "containerPort": 80});
        self.groups.iter().map(one).collect()
    }

    /// The service, with all its tasks registered and healthy.
    pub async fn steady(&self, desired: u64) -> Value {
        self.create(desired, json!({})).await;
        self.all_registered(desired as usize).await;
        self.pass_checks().await;
        self.lab.play_until("the service is stable", is_stable).await
    }

    pub async fn targets(&self) -> Vec<Target> {
        let rows: Vec<(String, Uuid, String, i32, Option<String>, bool)> = sqlx::query_as(
            "SELECT target_group_arn, task_id, target_id, port, host(address), draining_until IS NOT NULL FROM targets \
             ORDER BY target_group_arn, port",
        )
        .fetch_all(self.lab.api.db().pool())
        .await
        .unwrap();
        let target = |(group, task, id, port, address, draining): (String, Uuid, _, _, _, _)| Target {
            group: self.groups.iter().position(|arn| *arn == group).unwrap(),
            task: task.simple().to_string(),
            id,
            port,
            address,
            draining,
        };
        rows.into_iter().map(target).collect()
    }

    /// Plays the agents until so many targets are registered in each group and do not drain.
    pub async fn all_registered(&self, count: usize) {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            self.lab.play_agents().await;
            let targets = self.targets().await;
            let registered = targets.iter().filter(|target| !target.draining).count();
            if registered == count * self.groups.len() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{targets:#?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Proxies report this of the targets of a task, or of all, in this group.
    pub async fn say(&self, group: usize, task: Option<&str>, state: &str, description: Option<&str>) {
        let task: Option<Uuid> = task.map(|task| task.parse().unwrap());
        sqlx::query(
            "UPDATE targets SET health_state = $3, health_reason = CASE WHEN $3 = 'unhealthy' THEN 'Target.ResponseCodeMismatch' END, \
                 health_description = $4 WHERE target_group_arn = $1 AND ($2::uuid IS NULL OR task_id = $2)",
        )
        .bind(&self.groups[group])
        .bind(task)
        .bind(state)
        .bind(description)
        .execute(self.lab.api.db().pool())
        .await
        .unwrap();
        self.wake().await;
    }

    pub async fn wake(&self) {
        let services: Vec<i64> = sqlx::query_scalar("SELECT id FROM services")
            .fetch_all(self.lab.api.db().pool())
            .await
            .unwrap();
        for id in services {
            self.lab.api.db().wakes().send(Wake::Service(id));
        }
    }

    pub async fn pass_checks(&self) {
        for group in 0..self.groups.len() {
            self.say(group, None, "healthy", None).await;
        }
    }

    pub async fn task(&self, id: &str) -> Value {
        let reply = self.lab.api.ok("DescribeTasks", json!({"tasks": [id]})).await;
        reply["tasks"][0].clone()
    }

    /// Ids of the tasks with this lastStatus.
    pub async fn tasks(&self, status: &str) -> Vec<String> {
        let all = self.lab.all_tasks().await;
        let fitting = all.iter().filter(|task| task["lastStatus"] == status);
        fitting.map(|task| id(&task["taskArn"])).collect()
    }

    /// Waits until `found` gives something.
    pub async fn until<T>(&self, what: &str, found: impl AsyncFn() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            if let Some(found) = found().await {
                return found;
            }
            let targets = self.targets().await;
            let events = messages(&self.lab.service().await);
            assert!(
                tokio::time::Instant::now() < deadline,
                "{what}: {targets:#?} {events:#?}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Events with groups called by their names.
    pub fn outline(&self, service: &Value) -> Vec<String> {
        let named = |text: String| {
            let mut text = text;
            for (number, arn) in self.groups.iter().enumerate() {
                text = text.replace(arn, &format!("group-{number}"));
            }
            text
        };
        outline(service).into_iter().map(named).collect()
    }
}

/// The last part of an ARN.
pub fn id(arn: &Value) -> String {
    arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}
