//! Tasks from payload to STOPPED.

use std::time::Duration;

use agent_protocol::Task;
use agent_protocol::task::{
    DependencyCondition, EnvironmentFile, HostVolume, MountPoint, PortMapping, RestartPolicy, Volume,
};
use agent_protocol::tcs::HealthStatus;
use agent_protocol::{RoleCredentials, TcsFromAgent};
use runtime::Runtime;
use runtime::container::HealthState;

use crate::bench::{Bench, after, arn, checked, container, helper, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_acked_run_reported_and_stopped() {
    let bench = Bench::new().await;
    let mut web = container("web", "web:1");
    web.port_mappings = vec![PortMapping {
        container_port: Some(80),
        ..PortMapping::default()
    }];
    bench.backend.deliver(task("1", vec![web])).await;
    let running = bench.backend.reported(&arn("1"), "RUNNING").await;
    let told = &running.containers[0];
    assert_eq!(
        (told.container_name.as_str(), told.status.as_str()),
        ("web", "RUNNING")
    );
    assert_eq!(
        (running.cluster.as_deref(), running.reason.as_deref()),
        (Some("demo"), Some(""))
    );
    assert!(told.runtime_id.is_some() && told.exit_code.is_none() && told.image_digest.is_some());
    let binding = &told.network_bindings[0];
    assert_eq!(
        (binding.bind_ip.as_deref(), binding.container_port),
        (Some("0.0.0.0"), Some(80))
    );
    assert!(binding.host_port.unwrap() >= 32768);
    bench.backend.deliver(Task::stop(arn("1"))).await;
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(stopped.containers[0].exit_code, Some(143));
    assert!(stopped.execution_stopped_at.is_some());
    assert_eq!(
        stopped.containers[0].network_bindings,
        running.containers[0].network_bindings
    );
    assert!(bench.fake.running().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn k01_the_true_exit_code_of_an_essential_container_ends_the_task() {
    let bench = Bench::new().await;
    bench
        .backend
        .deliver(task(
            "1",
            vec![container("web", "web:1"), container("side", "web:1")],
        ))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench
        .fake
        .exit(&bench.running_container(&arn("1"), "web").await, 42)
        .unwrap();
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    let codes: Vec<_> = stopped
        .containers
        .iter()
        .map(|c| (c.container_name.as_str(), c.exit_code))
        .collect();
    assert_eq!(codes, [("web", Some(42)), ("side", Some(143))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_ends_at_once_is_reported_running_and_then_stopped() {
    let bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("job", "fake/exit:0")]))
        .await;
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(stopped.containers.last().unwrap().exit_code, Some(0));
    let statuses: Vec<String> = bench.backend.read(|seen| {
        seen.reports
            .iter()
            .map(|report| report.status.clone().unwrap().to_string())
            .filter(|s| s != "PENDING")
            .collect()
    });
    assert_eq!(statuses, ["RUNNING", "STOPPED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k02_containers_start_in_the_order_of_their_dependencies() {
    let bench = Bench::new().await;
    let app = after(container("app", "web:1"), "init", DependencyCondition::Success);
    let app = after(app, "db", DependencyCondition::Healthy);
    let db = checked(helper("db", "fake/healthy-after:100ms"));
    bench
        .backend
        .deliver(task(
            "1",
            vec![app, helper("init", "fake/run-then-exit:50ms-0"), db],
        ))
        .await;
    let running = bench.backend.reported(&arn("1"), "RUNNING").await;
    let started = bench.fake.started();
    let order: Vec<_> = started
        .iter()
        .map(|s| s.labels["com.amazonaws.ecs.container-name"].as_str())
        .collect();
    assert_eq!(order.last(), Some(&"app"), "{order:?}");
    let init: Vec<_> = running
        .containers
        .iter()
        .filter(|c| c.container_name == "init")
        .collect();
    assert_eq!(init.last().unwrap().exit_code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn k03_a_dependency_that_is_not_healthy_in_time_stops_the_task() {
    let bench = Bench::new().await;
    let mut db = checked(helper("db", "fake/never-healthy"));
    db.start_timeout = Some(1);
    let app = after(container("app", "web:1"), "db", DependencyCondition::Healthy);
    bench.backend.deliver(task("1", vec![app, db])).await;
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert!(
        stopped
            .reason
            .as_deref()
            .unwrap()
            .starts_with("TaskDependencyError: "),
        "{:?}",
        stopped.reason
    );
    assert_eq!(bench.starts(&arn("1"), "app"), 0);
    assert!(bench.fake.running().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t42_containers_stop_in_reverse_order_each_with_its_own_timeout() {
    let bench = Bench::new().await;
    let db = container("db", "web:1");
    let mut app = after(
        container("app", "fake/ignore-term"),
        "db",
        DependencyCondition::Start,
    );
    app.stop_timeout = Some(1);
    bench.backend.deliver(task("1", vec![db, app])).await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    let code = |name: &str| {
        stopped
            .containers
            .iter()
            .find(|c| c.container_name == name)
            .unwrap()
            .exit_code
    };
    assert_eq!(
        (code("app"), code("db")),
        (Some(137), Some(143)),
        "killed after its timeout; asked to stop"
    );
    let containers = bench.fake.containers();
    let ended = |name: &str| {
        let id = containers
            .iter()
            .find(|c| c.labels["com.amazonaws.ecs.container-name"] == name)
            .unwrap()
            .id
            .clone();
        let fake = bench.fake.clone();
        async move { fake.container_inspect(&id).await.unwrap().finished_at.unwrap() }
    };
    assert!(ended("app").await < ended("db").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn k05_a_restart_policy_restarts_in_place_without_a_report() {
    let bench = Bench::new().await;
    let mut web = container("web", "web:1");
    let policy = RestartPolicy {
        enabled: true,
        ignored_exit_codes: vec![],
        restart_attempt_period: Some(0),
    };
    web.restart_policy = Some(policy);
    bench.backend.deliver(task("1", vec![web])).await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    let name = bench.running_container(&arn("1"), "web").await;
    bench.fake.exit(&name, 1).unwrap();
    bench
        .fake
        .wait_for(|fake| fake.started().len() == 2 && fake.running().len() == 1)
        .await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(bench.starts(&arn("1"), "web"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn k06_a_container_killed_for_memory_is_reported_as_such() {
    let bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "fake/oom:10ms")]))
        .await;
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    let web = stopped.containers.last().unwrap();
    assert_eq!(web.exit_code, Some(137));
    assert_eq!(
        web.reason.as_deref(),
        Some("OutOfMemoryError: Container killed due to memory usage")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t31_each_step_that_fails_has_its_error_name_and_no_exit_code() {
    let bench = Bench::new().await;
    for (id, image, error) in [
        ("1", "r.example/fake/pull-fails", "CannotPullContainerError: "),
        ("2", "fake/create-fails", "CannotCreateContainerError: "),
        ("3", "fake/start-fails", "CannotStartContainerError: "),
    ] {
        bench
            .backend
            .deliver(task(id, vec![container("web", image)]))
            .await;
        let stopped = bench.backend.reported(&arn(id), "STOPPED").await;
        let web = &stopped.containers[0];
        assert!(
            web.reason.as_deref().unwrap().starts_with(error),
            "{:?}",
            web.reason
        );
        assert_eq!(web.exit_code, None, "T-33");
        assert_eq!(stopped.execution_stopped_at, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_what_cannot_be_initialised_stops_the_task_before_any_container() {
    let bench = Bench::new().await;
    let mut secret = container("web", "web:1");
    let value_from = "arn:aws:secretsmanager:us-east-1:000000000000:secret:n-AbCdEf";
    secret.secrets =
        serde_json::from_value(serde_json::json!([{ "name": "S", "valueFrom": value_from }])).unwrap();
    let mut file = container("web", "web:1");
    file.environment_files = vec![EnvironmentFile {
        value: "/no/such.env".into(),
        r#type: "s3".into(),
    }];
    for (id, container) in [("1", secret), ("2", file)] {
        bench.backend.deliver(task(id, vec![container])).await;
        let stopped = bench.backend.reported(&arn(id), "STOPPED").await;
        let reason = stopped.reason.unwrap();
        assert!(reason.starts_with("ResourceInitializationError: "), "{reason}");
    }
    assert!(bench.fake.containers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t50_health_is_told_at_once_when_it_changes() {
    let bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![checked(container("web", "web:1"))]))
        .await;
    let told = |status: HealthStatus| {
        move |seen: &crate::backend::Seen| {
            seen.telemetry.iter().any(|message| match message {
                TcsFromAgent::PublishHealth(health) => health
                    .tasks
                    .iter()
                    .flat_map(|task| &task.containers)
                    .any(|c| c.health_status == status),
                _ => false,
            })
        }
    };
    bench
        .backend
        .wait_until("health", told(HealthStatus::Healthy))
        .await;
    let name = bench.running_container(&arn("1"), "web").await;
    bench.fake.set_health(&name, HealthState::Unhealthy).unwrap();
    bench
        .backend
        .wait_until("bad health", told(HealthStatus::Unhealthy))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_everything_of_a_stopped_task_goes_after_a_while() {
    let mut bench = Bench::idle().await;
    bench.config.task_cleanup_wait = Duration::from_millis(20);
    bench.start();
    bench.backend.connected().await;
    let mut web = container("web", "fake/exit:0");
    web.mount_points = vec![MountPoint {
        source_volume: "own".into(),
        container_path: "/own".into(),
        read_only: false,
    }];
    let mut payload = task("1", vec![web]);
    payload.volumes = vec![Volume {
        name: "own".into(),
        host: Some(HostVolume::default()),
        ..Volume::default()
    }];
    bench.backend.deliver(payload).await;
    bench.backend.reported(&arn("1"), "STOPPED").await;
    bench.fake.wait_for(|fake| fake.containers().is_empty()).await;
    let name = "ecs-web-1-own-";
    let file = bench.config.data_dir.clone().unwrap().join("tasks/1.json");
    while file.exists() {
        tokio::task::yield_now().await;
    }
    assert!(
        bench.fake.container_list(&[], true).await.unwrap().is_empty(),
        "{name}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ep01_keys_of_roles_are_acked_and_not_kept_on_disk() {
    let bench = Bench::new().await;
    let keys = |id: &str| RoleCredentials {
        credentials_id: id.into(),
        secret_access_key: "very-secret".into(),
        expiration: "2027-01-01T00:00:00Z".into(),
        ..RoleCredentials::default()
    };
    let mut payload = task("1", vec![container("web", "web:1")]);
    payload.role_credentials = Some(keys("app"));
    payload.execution_role_credentials = Some(keys("exec"));
    bench.backend.deliver(payload).await;
    bench
        .backend
        .wait_until("two credential acks", |seen| {
            let acks = seen
                .frames
                .iter()
                .filter(|f| f.message_type() == "IAMRoleCredentialsAckRequest");
            acks.count() == 2
        })
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    let file = bench.config.data_dir.clone().unwrap().join("tasks/1.json");
    assert!(!std::fs::read_to_string(file).unwrap().contains("very-secret"));
}
