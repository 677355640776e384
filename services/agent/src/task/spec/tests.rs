use agent_protocol::Task;
use agent_protocol::task::{
    Association, DockerConfig, DockerVolumeConfiguration, DockerVolumeScope, HealthCheckType, HostVolume,
    MountPoint, Volume, VolumeFrom, VolumeType,
};
use kit::{Clock, ManualClock, Random};

use super::*;

fn container(name: &str) -> Container {
    Container {
        name: name.into(),
        image: "web:1".into(),
        ..Container::default()
    }
}

fn task(containers: Vec<Container>) -> TaskRecord {
    let arn = "arn:aws:ecs:us-east-1:000000000000:task/demo/1".into();
    let payload = Task {
        arn,
        family: "web".into(),
        version: "3".into(),
        containers,
        ..Task::default()
    };
    TaskRecord::new(payload, ManualClock::default().now(), &Random::seeded(1))
}

static NO_FILES: BTreeMap<String, String> = BTreeMap::new();
static NO_BLOCKS: BTreeMap<usize, u16> = BTreeMap::new();

fn around<'a>() -> Surroundings<'a> {
    Surroundings {
        cluster: "demo",
        container_instance_arn: "arn:instance",
        region: "us-east-1",
        metadata_endpoint: None,
        file_environment: &NO_FILES,
        image_environment: &[],
        cgroup_parent: None,
        port_blocks: &NO_BLOCKS,
    }
}

fn build_plain(task: &TaskRecord) -> Result<ContainerSpec, Failure> {
    build(task, 0, &around())
}

fn built(container: Container) -> ContainerSpec {
    build_plain(&task(vec![container])).unwrap()
}

fn env(spec: &ContainerSpec) -> Vec<&str> {
    spec.body.env.iter().flatten().map(String::as_str).collect()
}

#[test]
fn k12_labels_and_names_identify_the_container() {
    let mut mine = container("app");
    let labels = r#"{"Labels":{"mine":"1","com.amazonaws.ecs.cluster":"forged"}}"#;
    mine.docker_config = Some(DockerConfig {
        config: Some(labels.into()),
        ..DockerConfig::default()
    });
    let spec = built(mine);
    assert!(spec.name.starts_with("ecs-web-3-app-"));
    let labels = spec.body.labels.unwrap();
    assert_eq!(
        (labels["mine"].as_str(), labels[label::CLUSTER].as_str()),
        ("1", "demo")
    );
    assert_eq!(labels[label::CONTAINER_NAME], "app");
    assert_eq!(labels[label::CONTAINER_INSTANCE], "arn:instance");
    assert_eq!(labels[label::FAMILY], "web");
}

#[test]
fn k06_limits_are_in_dockers_units() {
    let spec = built(Container {
        cpu: Some(0),
        memory: Some(64),
        ..container("a")
    });
    let host = spec.body.host_config.unwrap();
    assert_eq!((host.cpu_shares, host.memory), (Some(2), Some(64 << 20)));
    let host = built(Container {
        cpu: Some(512),
        memory: Some(1),
        ..container("a")
    })
    .body
    .host_config
    .unwrap();
    assert_eq!(
        (host.cpu_shares, host.memory),
        (Some(512), Some(6 << 20)),
        "Docker refuses less"
    );
    let parent = build(
        &task(vec![container("a")]),
        0,
        &Surroundings {
            cgroup_parent: Some("/ecs/1"),
            ..around()
        },
    )
    .unwrap();
    assert_eq!(
        parent.body.host_config.unwrap().cgroup_parent.as_deref(),
        Some("/ecs/1")
    );
}

#[test]
fn k08_command_and_entry_point_are_left_to_the_image_or_overridden() {
    let spec = built(container("a"));
    assert_eq!((spec.body.cmd, spec.body.entrypoint), (None, None));
    let mut mine = container("a");
    mine.command = Some(vec!["a".into()]);
    mine.overrides = Some(r#"{"command":["b"]}"#.into());
    assert_eq!(built(mine.clone()).body.cmd, Some(vec!["b".into()]));
    mine.overrides = Some(r#"{"user":"0"}"#.into());
    let failure = build_plain(&task(vec![mine])).unwrap_err().to_string();
    assert!(
        failure.starts_with("CannotCreateContainerError: overrides are malformed"),
        "{failure}"
    );
}

#[test]
fn t50_the_images_own_health_check_is_switched_off() {
    assert_eq!(
        built(container("a")).body.healthcheck.unwrap().test,
        Some(vec!["NONE".into()])
    );
    let mut checked = container("a");
    checked.health_check_type = Some(HealthCheckType::Docker);
    let failure = build_plain(&task(vec![checked.clone()])).unwrap_err();
    assert!(failure.text.contains("no Healthcheck"));
    let check = r#"{"Healthcheck":{"Test":["CMD","true"],"Retries":3}}"#;
    checked.docker_config = Some(DockerConfig {
        config: Some(check.into()),
        ..DockerConfig::default()
    });
    let check = built(checked).body.healthcheck.unwrap();
    assert_eq!(
        (check.test, check.retries),
        (Some(vec!["CMD".into(), "true".into()]), Some(3))
    );
}

#[test]
fn se05_the_definitions_environment_beats_files_and_the_agent_adds_its_own() {
    let mut mine = container("a");
    mine.environment = [("A", "task"), ("B", "task")]
        .map(|(n, v)| (n.into(), v.into()))
        .into();
    let mut task = task(vec![mine]);
    task.role_credentials_id = Some("cred".into());
    task.containers[0].endpoint_id = "id".into();
    let files = BTreeMap::from([("A".into(), "file".into()), ("C".into(), "file".into())]);
    let spec = build(
        &task,
        0,
        &Surroundings {
            file_environment: &files,
            metadata_endpoint: Some("http://169.254.170.2"),
            ..around()
        },
    );
    assert_eq!(
        env(&spec.unwrap()),
        [
            "A=task",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/cred",
            "AWS_DEFAULT_REGION=us-east-1",
            "AWS_REGION=us-east-1",
            "B=task",
            "C=file",
            "ECS_AGENT_URI=http://169.254.170.2/api/id",
            "ECS_CONTAINER_METADATA_URI=http://169.254.170.2/v3/id",
            "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/id",
        ]
    );
    let image = ["AWS_REGION=eu-west-1".to_owned()];
    let spec = build(
        &task,
        0,
        &Surroundings {
            image_environment: &image,
            ..around()
        },
    )
    .unwrap();
    assert!(
        !env(&spec).iter().any(|line| line.starts_with("AWS_")),
        "the image has a region, there is no endpoint"
    );
}

#[test]
fn ports_are_published_in_bridge_mode_only() {
    let mapping = |container_port, host_port| PortMapping {
        container_port,
        host_port,
        ..PortMapping::default()
    };
    let range = PortMapping {
        container_port_range: Some("90-91".into()),
        ..PortMapping::default()
    };
    let mut mine = container("a");
    mine.port_mappings = vec![mapping(Some(80), None), mapping(Some(81), Some(8081)), range];
    let mut task = task(vec![mine]);
    let blocks = BTreeMap::from([(2, 4000)]);
    let spec = build(
        &task,
        0,
        &Surroundings {
            port_blocks: &blocks,
            ..around()
        },
    )
    .unwrap();
    let bindings = spec.body.host_config.unwrap().port_bindings.unwrap();
    let host_port = |port: &str| bindings[port].as_ref().unwrap()[0].host_port.clone().unwrap();
    assert_eq!(
        ["80/tcp", "81/tcp", "90/tcp", "91/tcp"].map(host_port),
        ["", "8081", "4000", "4001"]
    );
    task.payload.network_mode = Some(NetworkMode::Host);
    let host = build_plain(&task).unwrap().body.host_config.unwrap();
    assert_eq!(
        (host.port_bindings, host.network_mode.as_deref()),
        (None, Some("host"))
    );
}

#[test]
fn v01_volumes_are_paths_own_volumes_or_shared_ones() {
    let volume = |name: &str| Volume {
        name: name.into(),
        ..Volume::default()
    };
    let path = HostVolume {
        source_path: Some("/srv".into()),
    };
    let shared = DockerVolumeConfiguration {
        scope: Some(DockerVolumeScope::Shared),
        ..Default::default()
    };
    let mount = |name: &str, read_only| MountPoint {
        source_volume: name.into(),
        container_path: format!("/{name}"),
        read_only,
    };
    let mut mine = container("a");
    mine.mount_points = vec![mount("path", true), mount("own", false), mount("shared", false)];
    let mut task = task(vec![mine]);
    task.payload.volumes = vec![
        Volume {
            host: Some(path),
            ..volume("path")
        },
        Volume {
            host: Some(HostVolume::default()),
            ..volume("own")
        },
        Volume {
            r#type: Some(VolumeType::Docker),
            docker_volume_configuration: Some(shared),
            ..volume("shared")
        },
    ];
    let binds = build_plain(&task)
        .unwrap()
        .body
        .host_config
        .unwrap()
        .binds
        .unwrap();
    assert_eq!(
        (binds[0].as_str(), binds[2].as_str()),
        ("/srv:/path:ro", "shared:/shared")
    );
    assert!(
        binds[1].starts_with("ecs-web-3-own-") && binds[1].ends_with(":/own"),
        "{}",
        binds[1]
    );
    task.payload.volumes.pop();
    assert!(
        build_plain(&task)
            .unwrap_err()
            .text
            .contains("shared names no volume")
    );
}

#[test]
fn links_and_volumes_from_use_the_engines_names() {
    let mut mine = container("a");
    mine.links = vec!["db:database".into(), "db".into()];
    mine.volumes_from = vec![VolumeFrom {
        source_container: "db".into(),
        read_only: true,
    }];
    let task = task(vec![mine, container("db")]);
    let db = &task.containers[1].docker_name;
    let host = build_plain(&task).unwrap().body.host_config.unwrap();
    assert_eq!(
        host.links,
        Some(vec![format!("{db}:database"), format!("{db}:db")])
    );
    assert_eq!(host.volumes_from, Some(vec![format!("{db}:ro")]));
}

#[test]
fn td39_gpus_are_given_to_the_container_they_are_for() {
    let gpu = |name: &str, container: &str| Association {
        r#type: "gpu".into(),
        name: name.into(),
        containers: vec![container.into()],
        content: None,
    };
    let mut task = task(vec![container("a"), container("b")]);
    task.payload.associations = vec![gpu("GPU-1", "a"), gpu("GPU-2", "b")];
    let request = build_plain(&task)
        .unwrap()
        .body
        .host_config
        .unwrap()
        .device_requests
        .unwrap();
    assert_eq!(request[0].device_ids, Some(vec!["GPU-1".into()]));
}

#[test]
fn blobs_that_do_not_fit_are_refused_by_name() {
    let mut mine = container("a");
    mine.docker_config = Some(DockerConfig {
        host_config: Some("[1]".into()),
        ..DockerConfig::default()
    });
    let failure = build_plain(&task(vec![mine])).unwrap_err().to_string();
    assert!(failure.starts_with("HostConfigError: hostConfig"), "{failure}");
}
