//! Golden tests: `golden/<name>.in.json` has a task definition, overrides and placement, `golden/<name>.out.json` the payload's task, with
//! Docker's fragments as objects. `UPDATE_GOLDEN=1` writes the latter anew.

use std::path::PathBuf;

use aws_model::ecs::types::{TaskDefinition, TaskOverride};
use domain::{ContainerStatus, HealthStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use store::tasks::TaskSpec;
use uuid::Uuid;

use super::*;

const TASK: Uuid = Uuid::from_u128(0xbbbb_0000_0000_0000_0000_0000_0000_0002);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    task_definition: TaskDefinition,
    #[serde(default)]
    overrides: TaskOverride,
    service: Option<String>,
    #[serde(default)]
    gpu_ids: BTreeMap<String, Vec<String>>,
}

impl Case {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(path(name, "in")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn start(&self) -> Result<Task, PayloadError> {
        start(
            &host(),
            &self.definition(),
            &self.assignment(),
            LogDriverMode::NonBlocking,
        )
    }

    fn whole(&self) -> Result<Task, PayloadError> {
        whole(
            &host(),
            &self.definition(),
            &self.assignment(),
            LogDriverMode::NonBlocking,
        )
    }

    fn definition(&self) -> TaskDefinitionRow {
        TaskDefinitionRow {
            id: 1,
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            family: "web".to_owned(),
            revision: 7,
            status: "ACTIVE".to_owned(),
            document: Json(self.task_definition.clone()),
            registered_at: Default::default(),
            deregistered_at: None,
            delete_requested_at: None,
        }
    }

    fn assignment(&self) -> Assignment {
        let definitions = self
            .task_definition
            .container_definitions
            .iter()
            .flatten()
            .enumerate();
        let containers = definitions.map(|(n, definition)| {
            let name = definition.name.clone().unwrap();
            ContainerRecord {
                id: Uuid::from_u128(n as u128 + 1),
                image: definition.image.clone().unwrap(),
                essential: definition.essential.unwrap_or(true),
                gpu_ids: self.gpu_ids.get(&name).cloned().unwrap_or_default(),
                name,
                has_health_check: definition.health_check.is_some(),
                last_status: ContainerStatus::Pending,
                health: HealthStatus::Unknown,
                exit_code: None,
                reason: None,
                runtime_id: None,
                image_digest: None,
                network_bindings: Vec::new(),
                cpu: None,
                memory: None,
                memory_reservation: None,
            }
        });
        let spec = TaskSpec {
            cpu: self.overrides.cpu.clone().or(self.task_definition.cpu.clone()),
            memory: self
                .overrides
                .memory
                .clone()
                .or(self.task_definition.memory.clone()),
            overrides: self.overrides.clone(),
            service_name: self.service.clone(),
            ..TaskSpec::default()
        };
        Assignment {
            id: TASK,
            task_definition_id: 1,
            task_group: self
                .service
                .as_ref()
                .map_or("family:web".to_owned(), |name| format!("service:{name}")),
            launch_type: "EC2".to_owned(),
            gpu_ids: Vec::new(),
            spec: Json(spec),
            containers: Json(containers.collect()),
            image_digests: Json::default(),
        }
    }
}

fn path(name: &str, kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/payload/golden/{name}.{kind}.json"))
}

fn host() -> Host {
    Host {
        scope: Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap()),
        cluster: "demo".to_owned(),
        instance: ContainerInstanceId(Uuid::from_u128(1)),
    }
}

/// The task as JSON, Docker's fragments unpacked.
fn readable(task: &Task) -> Value {
    let mut value = serde_json::to_value(task).unwrap();
    for container in value["containers"].as_array_mut().into_iter().flatten() {
        for fragment in ["config", "hostConfig"] {
            if let Some(text) = container["dockerConfig"][fragment].as_str() {
                container["dockerConfig"][fragment] = serde_json::from_str(text).unwrap();
            }
        }
    }
    value
}

fn check(name: &str) {
    let case = Case::read(name);
    let task = readable(&case.whole().unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(
            path(name, "out"),
            format!("{}\n", serde_json::to_string_pretty(&task).unwrap()),
        )
        .unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path(name, "out")).unwrap()).unwrap();
    assert_eq!(task, golden, "{}", serde_json::to_string_pretty(&task).unwrap());
}

#[test]
fn every_member_of_a_container_in_bridge_mode_has_its_place() {
    check("bridge");
}

#[test]
fn td26_in_host_mode_host_ports_are_container_ports() {
    check("host");
}

#[test]
fn r08_overrides_are_resolved_into_the_fields() {
    check("overrides");
}

#[test]
fn volumes_of_all_kinds_have_the_shape_that_agents_demand() {
    check("volumes");
}

#[test]
fn the_smallest_definition_gives_a_small_payload() {
    check("small");
}

#[test]
fn a_stop_names_the_containers_so_that_unknown_tasks_are_reported_stopped() {
    let case = Case::read("small");
    let task = stop(&host(), &case.definition(), &case.assignment());
    assert_eq!(task.desired_status, DesiredStatus::Stopped);
    assert_eq!(
        task.arn,
        "arn:aws:ecs:us-east-1:000000000000:task/demo/bbbb0000000000000000000000000002"
    );
    assert_eq!(
        task.containers
            .iter()
            .map(|c| (c.name.as_str(), c.essential))
            .collect::<Vec<_>>(),
        [("app", true)]
    );
    assert!(task.containers[0].docker_config.is_none());
}

#[test]
fn what_no_agent_can_give_is_refused_with_a_reason() {
    let small = || Case::read("small");
    let mut awsvpc = small();
    awsvpc.task_definition.network_mode = Some(NetworkMode::Awsvpc);
    let mut ebs = small();
    let volume = serde_json::from_str(r#"{"name": "data", "configuredAtLaunch": true}"#).unwrap();
    ebs.task_definition.volumes = Some(vec![volume]);
    for (case, words) in [(awsvpc, "network mode awsvpc"), (ebs, "volume data: EBS volumes")] {
        let error = case.start().unwrap_err();
        assert!(
            error.to_string().starts_with("ResourceInitializationError: "),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn se01_what_the_execution_role_would_fetch_is_refused_because_agents_would_wait_for_ever() {
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
    let in_s3 = |place: &str| json!({ "environmentFiles": [{ "value": place, "type": "s3" }] });
    let with = |members: Value| {
        let mut case = Case::read("small");
        let mut container = json!({ "name": "app", "image": "tiny:1", "memory": 64 });
        container
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        case.task_definition.container_definitions = Some(vec![serde_json::from_value(container).unwrap()]);
        case.start()
    };
    let log = json!({ "logDriver": "syslog", "secretOptions": [{ "name": "syslog-address", "valueFrom": "address" }] });
    let firelens = json!({ "type": "fluentbit", "options": {
        "config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/fluent.conf",
    } });
    for (members, words) in [
        (
            json!({ "secrets": [{ "name": "DB", "valueFrom": arn }] }),
            "the secret DB of container app",
        ),
        (
            json!({ "logConfiguration": log }),
            "the log driver's secret syslog-address",
        ),
        (
            json!({ "repositoryCredentials": { "credentialsParameter": arn } }),
            "the credentials of its image's registry",
        ),
        (
            in_s3("arn:aws:s3:::bucket/a.env"),
            "the environment file arn:aws:s3:::bucket/a.env",
        ),
        (
            json!({ "firelensConfiguration": firelens }),
            "FireLens's configuration in S3",
        ),
        (
            json!({ "credentialSpecs": ["credentialspec:arn:aws:ssm:us-east-1:000000000000:parameter/spec"] }),
            "the credential spec",
        ),
    ] {
        let error = with(members).unwrap_err().to_string();
        let start = "ResourceInitializationError: unable to pull secrets or registry auth: ";
        assert!(error.starts_with(start) && error.contains(words), "{error}");
    }
    // What no credentials are needed for.
    assert!(with(in_s3("https://files.example/a.env")).is_ok());
    assert!(with(json!({ "image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/app:1" })).is_ok());
}

#[test]
fn l21_a_stream_is_named_by_prefix_container_and_task() {
    let config = |options: Value| {
        let mut case = Case::read("small");
        let container = json!({ "name": "app", "image": "tiny:1", "memory": 64, "logConfiguration": {
            "logDriver": "awslogs", "options": options,
        } });
        case.task_definition.container_definitions = Some(vec![serde_json::from_value(container).unwrap()]);
        let task = readable(&case.start().unwrap());
        task["containers"][0]["dockerConfig"]["hostConfig"]["LogConfig"]["Config"].clone()
    };
    assert_eq!(
        config(json!({ "awslogs-group": "g", "awslogs-stream-prefix": "web", "mode": "blocking" })),
        json!({
            "awslogs-group": "g", "awslogs-stream": "web/app/bbbb0000000000000000000000000002", "mode": "blocking",
        })
    );
    // Without a prefix the engine names it after the container.
    let plain = json!({ "awslogs-group": "g", "mode": "blocking" });
    assert_eq!(config(plain.clone()), plain);
}
