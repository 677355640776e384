//! The two runtimes under test, made to look alike.

use crate::image;
use bollard::Docker;
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt};
use runtime::container::{ExecOutput, HealthState, Removal};
use runtime::docker::DEFAULT_HOST;
use runtime::fake::{Life, OnSignal, Script, Verdict};
use runtime::model::HealthConfig;
use runtime::{
    ContainerDetails, ContainerEvent, ContainerSpec, DockerRuntime, EventStream, FakeRuntime, LabelFilter,
    Runtime, RuntimeEvent,
};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use uuid::Uuid;

/// Nothing in these tests takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);
const RUN_LABEL: &str = "dev.berth.contract-test";

/// What a container is to do.
#[derive(Clone, Copy)]
pub enum Behaviour {
    /// Runs until a stop signal, then exits with 128 + signal.
    Run,
    /// Runs and takes no notice of stop signals.
    IgnoreTerm,
    /// Exits at once.
    Exit(i64),
    /// Writes `one`, `two`, `three` and runs.
    Say,
    /// Takes memory until it is killed for it.
    EatMemory,
    /// Runs, and its health check fails.
    Unhealthy,
}

/// A runtime under test.
pub struct Subject {
    pub runtime: Box<dyn Runtime>,
    /// An image on the host, of this test alone.
    pub image: String,
    fake: Option<FakeRuntime>,
    docker: Option<Docker>,
    run: String,
}

impl Subject {
    fn fake() -> Self {
        let fake = FakeRuntime::default();
        let image = "contract:1".to_owned();
        fake.add_image(&image);
        Self {
            runtime: Box::new(fake.clone()),
            image,
            fake: Some(fake),
            docker: None,
            run: Uuid::new_v4().to_string(),
        }
    }

    async fn docker() -> Self {
        let runtime = DockerRuntime::connect(DEFAULT_HOST).await.expect(
            "no Docker Engine answers at /var/run/docker.sock; start one, or leave the Docker half out with BERTH_TEST_DOCKER=off",
        );
        let docker = Docker::connect_with_unix_defaults()
            .unwrap()
            .negotiate_version()
            .await
            .unwrap();
        let run = Uuid::new_v4().to_string();
        let image = format!("berth-contract-test:{run}");
        image::import(&docker, &image).await;
        Self {
            runtime: Box::new(runtime),
            image,
            fake: None,
            docker: Some(docker),
            run,
        }
    }

    pub fn is_fake(&self) -> bool {
        self.fake.is_some()
    }

    /// The label that all containers of this test carry.
    pub fn label(&self) -> LabelFilter {
        LabelFilter::equals(RUN_LABEL, &self.run)
    }

    /// A name of this test alone.
    pub fn name(&self, name: &str) -> String {
        format!("berth-{}-{name}", self.run)
    }

    pub fn spec(&self, name: &str, behaviour: Behaviour) -> ContainerSpec {
        let mut spec = ContainerSpec::new(self.name(name), &self.image);
        spec.label(RUN_LABEL, &self.run);
        let command = match behaviour {
            Behaviour::Run | Behaviour::Unhealthy => "run".to_owned(),
            Behaviour::IgnoreTerm => "ignore-term".to_owned(),
            Behaviour::Exit(code) => format!("exit {code}"),
            Behaviour::Say => "say-and-run one two three".to_owned(),
            Behaviour::EatMemory => "eat-memory".to_owned(),
        };
        spec.body.cmd = Some(command.split(' ').map(str::to_owned).collect());
        if let Behaviour::EatMemory = behaviour {
            spec.host_config_mut().memory = Some(16 << 20);
            spec.host_config_mut().memory_swap = Some(16 << 20);
        }
        if let Some(fake) = &self.fake {
            let image = format!("contract:{name}");
            fake.add_image(&image);
            fake.script_image(&image, script(behaviour));
            spec.body.image = Some(image);
        }
        spec
    }

    /// A health check every 100 ms that passes or fails as the behaviour says.
    pub fn with_health_check(mut spec: ContainerSpec, behaviour: Behaviour) -> ContainerSpec {
        let code = if let Behaviour::Unhealthy = behaviour {
            "1"
        } else {
            "0"
        };
        spec.body.healthcheck = Some(HealthConfig {
            test: Some(["CMD", "/probe", "exit", code].map(str::to_owned).to_vec()),
            interval: Some(100_000_000),
            timeout: Some(5_000_000_000),
            retries: Some(1),
            ..HealthConfig::default()
        });
        spec
    }

    /// Creates and starts.
    pub async fn start(&self, name: &str, behaviour: Behaviour) -> String {
        let id = self
            .runtime
            .container_create(&self.spec(name, behaviour))
            .await
            .unwrap();
        self.runtime.container_start(&id).await.unwrap();
        id.into_string()
    }

    /// Inspects until the container is as wanted.
    pub async fn until(&self, id: &str, wanted: impl Fn(&ContainerDetails) -> bool) -> ContainerDetails {
        let look = async {
            loop {
                let found = self.runtime.container_inspect(id).await.unwrap();
                if wanted(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the container never came into the wanted state")
    }

    pub fn events(&self, since: Option<DateTime<Utc>>) -> EventStream {
        self.runtime.events(vec![self.label()], since)
    }

    async fn clean_up(&self) {
        let Some(docker) = &self.docker else { return };
        for left in self.runtime.container_list(&[self.label()], true).await.unwrap() {
            self.runtime
                .container_remove(
                    &left.id,
                    Removal {
                        force: true,
                        volumes: true,
                    },
                )
                .await
                .unwrap();
        }
        let volume_prefix = self.name("");
        let volumes = docker
            .list_volumes(None::<bollard::query_parameters::ListVolumesOptions>)
            .await
            .unwrap();
        for volume in volumes.volumes.unwrap_or_default() {
            if volume.name.starts_with(&volume_prefix) {
                self.runtime.volume_remove(&volume.name).await.unwrap();
            }
        }
        for image in self.runtime.image_list().await.unwrap() {
            if image.repo_tags.iter().any(|tag| tag.contains(&self.run)) {
                self.runtime.image_remove(&image.id, true).await.unwrap();
            }
        }
    }
}

fn script(behaviour: Behaviour) -> Script {
    let default = Script {
        exec: ExecOutput {
            exit_code: 7,
            output: "hello\n".to_owned(),
        },
        ..Script::default()
    };
    match behaviour {
        Behaviour::Run => default,
        Behaviour::IgnoreTerm => Script {
            on_signal: OnSignal::Ignores,
            ..default
        },
        Behaviour::Exit(code) => Script {
            life: Life::Exits {
                after: Duration::ZERO,
                code,
            },
            ..default
        },
        Behaviour::Say => Script {
            logs: ["one", "two", "three"].map(str::to_owned).to_vec(),
            ..default
        },
        Behaviour::EatMemory => Script {
            life: Life::OutOfMemory {
                after: Duration::ZERO,
            },
            ..default
        },
        Behaviour::Unhealthy => Script {
            health: Some(Verdict {
                after: Duration::ZERO,
                state: HealthState::Unhealthy,
            }),
            ..default
        },
    }
}

/// The next event of a container.
pub async fn next(events: &mut EventStream) -> ContainerEvent {
    match tokio::time::timeout(PATIENCE, events.next())
        .await
        .expect("no event came")
    {
        Some(RuntimeEvent::Container(event)) => event,
        other => panic!("expected an event of a container, not {other:?}"),
    }
}

pub async fn on_fake(case: impl AsyncFnOnce(&Subject)) {
    case(&Subject::fake()).await;
}

/// Runs a case on Docker and cleans up after it, also when it failed.
pub async fn on_docker(case: impl AsyncFnOnce(&Subject)) {
    if std::env::var("BERTH_TEST_DOCKER").is_ok_and(|value| value == "off") {
        eprintln!("left out: BERTH_TEST_DOCKER=off");
        return;
    }
    let subject = Subject::docker().await;
    let outcome = AssertUnwindSafe(case(&subject)).catch_unwind().await;
    subject.clean_up().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
