//! Blue/green, linear and canary deployments behind a balancer's rule, and the record of each rollout (sections 13 and 14).

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::balancers::Balanced;
use crate::lab::{is_stable, messages};

/// A service `web` whose traffic is shifted between two groups on a rule.
pub struct Shifting {
    pub world: Balanced,
    rule: String,
    /// Of the test traffic, if there is any.
    test_rule: Option<String>,
}

impl Shifting {
    async fn new(configuration: Value, tested: bool) -> Self {
        let world = Balanced::new(1, 2).await;
        let rule_of = |number: usize| {
            let group = format!("group-{number}");
            world.groups[number].replace(
                &format!("targetgroup/{group}/"),
                &format!("listener-rule/app/{group}/"),
            )
        };
        let (rule, test_rule) = (rule_of(0), tested.then(|| rule_of(1)));
        let shifting = Self {
            world,
            rule,
            test_rule,
        };
        let forward = json!([{"Type": "forward", "TargetGroupArn": shifting.world.groups[0], "Order": 1}]);
        for rule in [Some(&shifting.rule), shifting.test_rule.as_ref()]
            .into_iter()
            .flatten()
        {
            sqlx::query("UPDATE rules SET actions = $2 WHERE arn = $1")
                .bind(rule)
                .bind(&forward)
                .execute(shifting.world.lab.api.db().pool())
                .await
                .unwrap();
        }
        let mut balancer = json!({
            "targetGroupArn": shifting.world.groups[0], "containerName": "app", "containerPort": 80,
            "advancedConfiguration": {
                "alternateTargetGroupArn": shifting.world.groups[1], "productionListenerRule": shifting.rule,
                "roleArn": "arn:aws:iam::000000000000:role/shift"
            }
        });
        if let Some(test_rule) = &shifting.test_rule {
            balancer["advancedConfiguration"]["testListenerRule"] = json!(test_rule);
        }
        let more = json!({"loadBalancers": [balancer], "deploymentConfiguration": configuration});
        shifting.world.create(1, more).await;
        shifting
    }

    /// With its first deployment over.
    pub async fn steady(configuration: Value) -> Self {
        Self::begun(configuration, false).await
    }

    /// The same with a rule for test traffic.
    pub async fn tested(configuration: Value) -> Self {
        Self::begun(configuration, true).await
    }

    async fn begun(configuration: Value, tested: bool) -> Self {
        let shifting = Self::new(configuration, tested).await;
        shifting.healthy_in(0, 1).await;
        shifting
            .world
            .lab
            .play_until("the first deployment is over", is_stable)
            .await;
        shifting
    }

    /// Plays the agents until so many targets stand in a group, and makes them healthy.
    pub async fn healthy_in(&self, group: usize, count: usize) {
        self.world
            .until("targets are registered", async || {
                self.world.lab.play_agents().await;
                let targets = self.world.targets().await;
                let there = targets
                    .iter()
                    .filter(|target| target.group == group && !target.draining);
                (there.count() == count).then_some(())
            })
            .await;
        self.world.pass_checks().await;
    }

    /// Waits until the first group's tasks leave it.
    pub async fn blue_drains(&self) {
        self.world
            .until("blue drains", async || {
                let targets = self.world.targets().await;
                targets
                    .iter()
                    .any(|target| target.group == 0 && target.draining)
                    .then_some(())
            })
            .await;
    }

    /// The service, once what drains has drained and the deployment is over.
    pub async fn stable_again(&self, what: &str) -> Value {
        self.world.lab.pass(TimeDelta::minutes(1));
        self.world.lab.play_until(what, is_stable).await
    }

    /// Weights of the two groups on the production rule.
    pub async fn weights(&self) -> [i64; 2] {
        self.weights_of(&self.rule).await
    }

    /// Those on the rule of the test traffic.
    pub async fn test_weights(&self) -> [i64; 2] {
        self.weights_of(self.test_rule.as_ref().unwrap()).await
    }

    async fn weights_of(&self, rule: &str) -> [i64; 2] {
        let actions: Value = sqlx::query_scalar("SELECT actions FROM rules WHERE arn = $1")
            .bind(rule)
            .fetch_one(self.world.lab.api.db().pool())
            .await
            .unwrap();
        let tuples = actions[0]["ForwardConfig"]["TargetGroups"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        [0, 1].map(|group| {
            let tuple = tuples
                .iter()
                .find(|tuple| tuple["TargetGroupArn"] == self.world.groups[group]);
            tuple.map_or(-1, |tuple| tuple["Weight"].as_i64().unwrap())
        })
    }

    pub async fn until_weights(&self, wanted: [i64; 2]) {
        self.world
            .until("weights are shifted", async || {
                (self.weights().await == wanted).then_some(())
            })
            .await;
    }

    /// The newest service deployment.
    pub async fn deployment(&self) -> Value {
        let listed = self
            .world
            .lab
            .api
            .ok("ListServiceDeployments", json!({"service": "web"}))
            .await;
        let arn = &listed["serviceDeployments"][0]["serviceDeploymentArn"];
        let told = self
            .world
            .lab
            .api
            .ok(
                "DescribeServiceDeployments",
                json!({"serviceDeploymentArns": [arn]}),
            )
            .await;
        assert_eq!(told["failures"], json!([]));
        told["serviceDeployments"][0].clone()
    }

    pub async fn until_status(&self, status: &str) -> Value {
        self.world
            .until(status, async || {
                Some(self.deployment().await).filter(|found| found["status"] == status)
            })
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bg02_bg07_blue_green_moves_between_the_two_groups_and_back_with_the_next_one() {
    let service = Shifting::steady(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})).await;
    assert_eq!(service.weights().await, [100, 0]);
    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    service.healthy_in(1, 1).await;
    service.until_weights([0, 100]).await;
    let told = service.deployment().await;
    assert_eq!(
        (&told["status"], &told["lifecycleStage"]),
        (&json!("IN_PROGRESS"), &json!("BAKE_TIME"))
    );
    assert_eq!(
        told["targetServiceRevision"]["requestedProductionTrafficWeight"],
        100.0
    );
    assert_eq!(
        told["sourceServiceRevisions"][0]["runningTaskCount"], 1,
        "blue stays"
    );
    service.world.lab.pass(TimeDelta::minutes(5));
    service.blue_drains().await;
    let over = service.stable_again("the deployment is over").await;
    assert_eq!(
        over["loadBalancers"][0]["targetGroupArn"],
        json!(service.world.groups[0]),
        "as it was configured"
    );
    service.until_status("SUCCESSFUL").await;
    // The groups take turns.
    service.world.lab.update(json!({"taskDefinition": "web:3"})).await;
    service.healthy_in(0, 1).await;
    service.until_weights([100, 0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sd05_a_stopped_blue_green_deployment_gives_the_traffic_back_at_once() {
    let service = Shifting::steady(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 60})).await;
    let before = service.deployment().await["targetServiceRevision"]["arn"].clone();
    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    service.healthy_in(1, 1).await;
    service.until_weights([0, 100]).await;
    let arn = service.deployment().await["serviceDeploymentArn"].clone();
    for _ in 0..2 {
        service
            .world
            .lab
            .api
            .ok("StopServiceDeployment", json!({"serviceDeploymentArn": arn}))
            .await;
    }
    service.until_weights([100, 0]).await;
    service.stable_again("blue is alone again").await;
    let told = service.until_status("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(told["rollback"]["serviceRevisionArn"], before);
    let refusal = service
        .world
        .lab
        .api
        .refused("StopServiceDeployment", json!({"serviceDeploymentArn": arn}))
        .await;
    assert_eq!(refusal.code, "ConflictException");
}

#[tokio::test(flavor = "multi_thread")]
async fn bg06_linear_and_canary_shift_in_steps() {
    let linear = json!({"stepPercent": 50.0, "stepBakeTimeInMinutes": 2});
    let service = Shifting::steady(
        json!({"strategy": "LINEAR", "bakeTimeInMinutes": 0, "linearConfiguration": linear}),
    )
    .await;
    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    service.healthy_in(1, 1).await;
    service.until_weights([500, 500]).await;
    service.world.lab.pass(TimeDelta::minutes(2));
    service.until_weights([0, 100]).await;
    service.stable_again("the deployment is over").await;

    let canary = json!({"canaryPercent": 2.5, "canaryBakeTimeInMinutes": 3});
    let configuration = json!({"strategy": "CANARY", "canaryConfiguration": canary});
    let update = json!({"taskDefinition": "web:3", "deploymentConfiguration": configuration});
    service.world.lab.update(update).await;
    service.healthy_in(0, 1).await;
    service.until_weights([25, 975]).await;
    service.world.lab.pass(TimeDelta::minutes(3));
    service.until_weights([100, 0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bg03_a_rule_that_is_gone_is_told_and_nothing_is_stopped() {
    let service = Shifting::steady(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0})).await;
    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    sqlx::query("DELETE FROM rules WHERE arn = $1")
        .bind(&service.rule)
        .execute(service.world.lab.api.db().pool())
        .await
        .unwrap();
    service.healthy_in(1, 1).await;
    let wanted = format!(
        "(service web) was unable to shift traffic: rule {} is gone.",
        service.rule
    );
    service
        .world
        .lab
        .wait("it is told", |told| messages(told).contains(&wanted))
        .await;
    assert_eq!(service.world.tasks("RUNNING").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sd02_each_update_is_a_service_deployment_and_the_newest_stops_the_one_before() {
    let service = Shifting::steady(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 60})).await;
    let api = &service.world.lab.api;
    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    service
        .world
        .lab
        .update(json!({"forceNewDeployment": true}))
        .await;
    let listed = api.ok("ListServiceDeployments", json!({"service": "web"})).await;
    let statuses: Vec<&Value> = listed["serviceDeployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["status"])
        .collect();
    assert_eq!(statuses, ["IN_PROGRESS", "STOPPED", "SUCCESSFUL"]);
    let only = api
        .ok(
            "ListServiceDeployments",
            json!({"service": "web", "status": ["STOPPED"], "maxResults": 1}),
        )
        .await;
    assert_eq!(only["serviceDeployments"].as_array().unwrap().len(), 1);
    assert_eq!(only.get("nextToken"), None);
    let revision = &listed["serviceDeployments"][0]["targetServiceRevisionArn"];
    let told = api
        .ok(
            "DescribeServiceRevisions",
            json!({"serviceRevisionArns": [revision]}),
        )
        .await;
    let told = &told["serviceRevisions"][0];
    assert!(
        told["taskDefinition"]
            .as_str()
            .unwrap()
            .ends_with("task-definition/web:4")
    );
    assert_eq!(
        told["loadBalancers"][0]["targetGroupArn"],
        json!(service.world.groups[0])
    );
    assert_eq!(
        told["resolvedConfiguration"]["loadBalancers"][0]["targetGroupArn"],
        json!(service.world.groups[1])
    );
    let other = revision.as_str().unwrap().replace("/web/", "/other/");
    let missing = api
        .ok(
            "DescribeServiceRevisions",
            json!({"serviceRevisionArns": [other]}),
        )
        .await;
    assert_eq!(missing["failures"][0]["reason"], "MISSING");
    let shown = service.world.lab.service().await;
    assert_eq!(
        shown["currentServiceDeployment"],
        listed["serviceDeployments"][0]["serviceDeploymentArn"]
    );
    let refused = api
        .refused(
            "DescribeServiceRevisions",
            json!({"serviceRevisionArns": ["arn:nothing"]}),
        )
        .await;
    assert_eq!(refused.code, "InvalidParameterException");
}

#[tokio::test(flavor = "multi_thread")]
async fn bg01_times_and_shares_out_of_range_are_refused() {
    let service = Shifting::steady(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0})).await;
    let table = [
        json!({"bakeTimeInMinutes": 1441}),
        json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}}),
        json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 10.05}}),
        json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 100.1}}),
        json!({"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": -1}}),
        json!({"strategy": "LINEAR", "canaryConfiguration": {"canaryPercent": 10.0}}),
    ];
    for configuration in table {
        let body = json!({"service": "web", "deploymentConfiguration": configuration});
        let refusal = service.world.lab.api.refused("UpdateService", body).await;
        assert_eq!(
            refusal.code, "InvalidParameterException",
            "{configuration}: {}",
            refusal.message
        );
    }
    let told = service.world.lab.service().await["deploymentConfiguration"].clone();
    assert_eq!(
        (&told["strategy"], &told["bakeTimeInMinutes"]),
        (&json!("BLUE_GREEN"), &json!(0))
    );
}
