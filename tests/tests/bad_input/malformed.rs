//! Each implemented operation with bodies that are spoilt in every way there is, over real HTTP.

use api::ecs::dispatch::IMPLEMENTED;
use aws_model::{Shape, ecs, malformed, sample};
use berth_tests::{CLUSTER, PATIENCE, World};
use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::{Value, json};
use test_support::{Settings, books, settles};

/// How many requests are on their way at the same time.
const AT_ONCE: usize = 8;

/// Something of every kind, and no agent that changes rows by itself.
struct Stage {
    world: World,
    task: String,
    instance: String,
}

impl Stage {
    async fn set() -> Self {
        let settings = Settings {
            host_loss_after: TimeDelta::hours(1),
            ..Settings::default()
        };
        let world = World::start(settings, 1, |plan| plan).await;
        let definition = world.define("web", "fake/app:1").await;
        world.create_service("web", &definition, 1, json!({})).await;
        world.steady("web").await;
        let task = world.run(&definition).await;
        let instance = world.hosts[0].arn().unwrap();
        let tag = json!({"resourceArn": instance, "tags": [{"key": "team", "value": "blue"}]});
        world.client.ok("TagResource", tag).await;
        world
            .client
            .ok(
                "PutAccountSetting",
                json!({"name": "containerInsights", "value": "enabled"}),
            )
            .await;
        world.hosts[0].stop().await;
        settles("the agent is away", PATIENCE, async || {
            let input = json!({"cluster": CLUSTER, "filter": "agentConnected == false"});
            let listed = world.client.ok("ListContainerInstances", input).await;
            if listed["containerInstanceArns"] == json!([instance]) {
                Ok(())
            } else {
                Err(listed.to_string())
            }
        })
        .await;
        Self {
            world,
            task,
            instance,
        }
    }

    /// The sample with the names of what is there, so that what is spoilt is the only thing that is wrong.
    fn adapted(&self, mut body: Value) -> Value {
        let web = "arn:aws:ecs:us-east-1:000000000000:service/default/web";
        for (name, value) in [
            ("cluster", json!(CLUSTER)),
            ("clusters", json!([CLUSTER])),
            ("clusterName", json!(CLUSTER)),
            ("service", json!("web")),
            ("services", json!(["web"])),
            ("serviceName", json!("other")),
            ("task", json!(self.task)),
            ("tasks", json!([self.task])),
            ("taskDefinition", json!("web:1")),
            ("taskDefinitions", json!(["web:1"])),
            ("family", json!("web")),
            ("containerName", json!("app")),
            ("containerInstance", json!(self.instance)),
            ("containerInstances", json!([self.instance])),
            ("containerInstanceArn", json!(self.instance)),
            ("resourceArn", json!(web)),
            ("desiredCount", json!(1)),
            ("count", json!(1)),
            ("status", json!("RUNNING")),
            ("schedulingStrategy", json!("REPLICA")),
        ] {
            if body
                .get(name)
                .is_some_and(|there| there.is_array() == value.is_array())
            {
                body[name] = value;
            }
        }
        body
    }

    /// Bodies for this operation with what makes each of them bad.
    fn cases(&self, input: &'static Shape) -> Vec<(String, Vec<u8>)> {
        let mut cases = malformed::cases(input, &self.adapted(sample::minimal(input)));
        let full = malformed::cases(input, &self.adapted(sample::full(input)));
        let known: std::collections::BTreeSet<String> = cases.iter().map(|(name, _)| name.clone()).collect();
        cases.extend(
            full.into_iter()
                .filter(|(name, _)| !known.contains(name))
                .map(|(name, body)| (format!("full {name}"), body)),
        );
        cases
    }

    /// Sends the body; what is wrong with the answer.
    async fn flaw(&self, operation: &str, body: Vec<u8>) -> Option<String> {
        match self.world.client.post(operation, body).await {
            Err(broken) => Some(format!("dropped: {broken}")),
            Ok(answer) => answer
                .flaw()
                .map(|flaw| format!("{flaw}: {}", String::from_utf8_lossy(&answer.body))),
        }
    }

    /// Which of the cases changed something.
    async fn culprits(&self, operation: &str, cases: Vec<(String, Vec<u8>)>) -> Vec<String> {
        let mut culprits = Vec::new();
        for (name, body) in cases {
            let before = books::digest(&self.world.pool()).await;
            let _ = self.flaw(operation, body).await;
            if books::digest(&self.world.pool()).await != before {
                culprits.push(name);
            }
        }
        culprits
    }
}

/// Huge values where the model has no limit and that are answered like any other: names of what is not there are data (`failures[]`,
/// empty lists, reports about unknown tasks). They change nothing.
const ANSWERED: &[(&str, &[&str])] = &[
    ("DeleteTaskDefinitions", &["taskDefinitions[0]"]),
    ("DescribeClusters", &["clusters[0]"]),
    ("DescribeServices", &["services[0]"]),
    ("DescribeTasks", &["tasks[0]"]),
    ("DescribeContainerInstances", &["containerInstances[0]"]),
    ("UpdateContainerInstancesState", &["containerInstances[0]"]),
    ("StartTask", &["containerInstances[0]"]),
    ("ListTasks", &["containerInstance", "startedBy", "family"]),
    ("ListAttributes", &["attributeName"]),
    ("DiscoverPollEndpoint", &["containerInstance", "cluster"]),
    ("SubmitTaskStateChange", &["task"]),
    ("SubmitContainerStateChange", &["task"]),
];

/// Huge values that are meant to be taken: what is beyond the limit is cut off, or nothing of it is kept (resources and attributes of
/// hosts that we do not know).
const TAKEN: &[(&str, &[&str])] = &[
    ("StopTask", &["reason"]),
    (
        "RegisterContainerInstance",
        &[
            "instanceIdentityDocument",
            "instanceIdentityDocumentSignature",
            "totalResources",
            "totalResources[0].name",
            "totalResources[0].type",
            "totalResources[0].stringSetValue",
            "totalResources[0].stringSetValue[0]",
            "platformDevices",
            "attributes[0].targetId",
        ],
    ),
];

/// Whether the case is a huge value of a member that the list has for the operation.
fn is_in(list: &[(&str, &[&str])], operation: &str, case: &str) -> bool {
    let case = case.strip_prefix("full ").unwrap_or(case);
    let huge = case
        .strip_suffix(": huge string")
        .or_else(|| case.strip_suffix(": huge list"));
    list.iter()
        .any(|(name, members)| *name == operation && huge.is_some_and(|member| members.contains(&member)))
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_in_the_protocols_form_and_change_nothing() {
    let stage = Stage::set().await;
    let (mut wrong, mut sent) = (Vec::new(), 0);
    for name in IMPLEMENTED {
        let operation = ecs::OPERATIONS
            .iter()
            .find(|operation| operation.name == *name)
            .unwrap();
        let mut cases = stage.cases(operation.input);
        cases.retain(|(case, _)| !is_in(TAKEN, name, case));
        sent += cases.len();
        let before = books::digest(&stage.world.pool()).await;
        let flaws: Vec<(String, Option<String>)> = futures::stream::iter(cases.clone())
            .map(|(case, body)| {
                let stage = &stage;
                async move { (case, stage.flaw(name, body).await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (case, flaw) in flaws {
            if let Some(flaw) = flaw
                && !(is_in(ANSWERED, name, &case) && flaw.starts_with("status 200"))
            {
                wrong.push(format!(
                    "{name} {case}: {}",
                    flaw.chars().take(300).collect::<String>()
                ));
            }
        }
        let after = books::digest(&stage.world.pool()).await;
        if after != before {
            let changed: Vec<_> = before
                .iter()
                .zip(&after)
                .filter(|(before, after)| before != after)
                .collect();
            wrong.push(format!(
                "{name} changed {changed:?}: {:?}",
                stage.culprits(name, cases).await
            ));
        }
    }
    println!("{sent} bodies");
    assert!(sent > 5_000, "{sent}");
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(stage.world.server.failure().await, None);
}
