//! What only makes sense with a real engine behind it: registries, broken connections, task control groups.

use crate::registry::Registry;
use crate::subject::{Behaviour, PATIENCE, Subject, next, on_docker};
use futures::StreamExt;
use runtime::cgroup::{CgroupTree, TaskLimits};
use runtime::container::Removal;
use runtime::{
    ContainerEventKind, ContainerStatus, DockerRuntime, PullProgress, RegistryAuth, Runtime, RuntimeError,
    RuntimeEvent,
};
use std::sync::Mutex;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

#[tokio::test]
async fn k11_a_pulled_image_has_the_digest_of_the_registry() {
    on_docker(async |on: &Subject| {
        let registry = Registry::serve(None).await;
        let reference = format!("localhost:{}/probe:1", registry.port);
        let steps = Mutex::new(Vec::new());
        let note = |step: PullProgress| steps.lock().unwrap().push(step.status);
        on.runtime.image_pull(&reference, None, &note).await.unwrap();
        let image = on.runtime.image_inspect(&reference).await.unwrap();
        assert_eq!(image.digest_of(&reference), Some(registry.digest.as_str()));
        assert_eq!(image.stop_signal.as_deref(), Some("SIGQUIT"));
        assert!(
            steps
                .lock()
                .unwrap()
                .iter()
                .any(|step| step.contains("Pulling from probe"))
        );
        let pinned = format!("localhost:{}/probe@{}", registry.port, registry.digest);
        on.runtime.image_pull(&pinned, None, &|_| {}).await.unwrap();
        let missing = on
            .runtime
            .image_pull(&reference.replace(":1", ":2"), None, &|_| {})
            .await;
        assert!(
            matches!(missing, Err(RuntimeError::ImageNotFound { .. })),
            "{missing:?}"
        );
        on.runtime.image_remove(&image.id, true).await.unwrap();
        let gone = on.runtime.image_pull("localhost:1/probe:1", None, &|_| {}).await;
        assert!(matches!(gone, Err(RuntimeError::Engine { .. })), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn credentials_reach_the_registry_unharmed() {
    on_docker(async |on: &Subject| {
        // These bytes give a '/' and a '+' in plain base64 at every offset, which Docker cannot read.
        let password = "???>>>~~~???>>>~~~";
        let registry = Registry::serve(Some("Basic dXNlcjo/Pz8+Pj5+fn4/Pz8+Pj5+fn4=")).await;
        let reference = format!("localhost:{}/probe:1", registry.port);
        let refused = on.runtime.image_pull(&reference, None, &|_| {}).await;
        assert!(
            matches!(refused, Err(RuntimeError::ImageNotFound { .. })),
            "{refused:?}"
        );
        let auth = RegistryAuth {
            username: "user".into(),
            password: password.into(),
            server_address: Some(format!("localhost:{}", registry.port)),
            identity_token: None,
        };
        on.runtime
            .image_pull(&reference, Some(&auth), &|_| {})
            .await
            .unwrap();
        on.runtime.image_remove(&reference, true).await.unwrap();
    })
    .await;
}

/// Stands between a client and the engine until it is told to cut all connections and take no new ones.
async fn proxy(mut open: watch::Receiver<bool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let Ok((mut client, _)) = listener.accept().await else {
                return;
            };
            if !*open.borrow_and_update() {
                continue;
            }
            let mut cut = open.clone();
            tokio::spawn(async move {
                let mut engine = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut engine) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn events_go_on_without_gap_or_repetition_after_a_broken_connection() {
    on_docker(async |on: &Subject| {
        let (door, open) = watch::channel(true);
        let through_proxy = DockerRuntime::connect(&proxy(open).await).await.unwrap();
        let mut events = through_proxy.events(vec![on.label()], None);
        let id = on.start("broken", Behaviour::Run).await;
        assert_eq!(next(&mut events).await.kind, ContainerEventKind::Create);
        assert_eq!(next(&mut events).await.kind, ContainerEventKind::Start);
        door.send(false).unwrap();
        let lost = through_proxy.ping().await;
        assert!(
            matches!(lost, Err(RuntimeError::ConnectionLost { .. })),
            "{lost:?}"
        );
        on.runtime.container_kill(&id, "SIGKILL").await.unwrap();
        on.until(&id, |found| found.status == ContainerStatus::Exited)
            .await;
        door.send(true).unwrap();
        let first = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
        assert_eq!(first, Some(RuntimeEvent::Resubscribed));
        assert_eq!(
            next(&mut events).await.kind,
            ContainerEventKind::Die { exit_code: 137 }
        );
        on.runtime
            .container_remove(&id, Removal::default())
            .await
            .unwrap();
        assert_eq!(next(&mut events).await.kind, ContainerEventKind::Destroy);
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_a_lost_connection() {
    for host in ["unix:///no/such.sock", "tcp://127.0.0.1:1"] {
        let error = DockerRuntime::connect(host).await.err().unwrap();
        assert!(
            matches!(error, RuntimeError::ConnectionLost { .. }) && error.is_transient(),
            "{error:?}"
        );
    }
    let error = DockerRuntime::connect("ssh://host").await.err().unwrap();
    assert!(matches!(error, RuntimeError::Engine { .. }), "{error:?}");
}

#[tokio::test]
async fn k06_the_tasks_memory_limit_holds_over_all_its_containers() {
    on_docker(async |on: &Subject| {
        let info = on.runtime.info().await.unwrap();
        let tree = CgroupTree::detect(info.cgroup_version, info.cgroup_driver).unwrap();
        let task = tree.task(&on.name("task"));
        let limits = TaskLimits {
            vcpus: Some(0.5),
            memory_bytes: Some(24 << 20),
        };
        task.create(&limits).unwrap();
        task.create(&limits).unwrap();
        let mut bystander = on.spec("bystander", Behaviour::Run);
        let mut eater = on.spec("eater", Behaviour::EatMemory);
        for spec in [&mut bystander, &mut eater] {
            let host = spec.host_config_mut();
            (host.memory, host.memory_swap) = (None, None);
            host.cgroup_parent = Some(task.parent());
            let id = on.runtime.container_create(spec).await.unwrap();
            on.runtime.container_start(&id).await.unwrap();
        }
        let eaten = on
            .until(&eater.name, |found| found.status == ContainerStatus::Exited)
            .await;
        // Whether the engine hears of the reason before it hears of the exit is luck; the limit's own count is not.
        assert_eq!(eaten.exit_code, Some(137));
        let other = on.runtime.container_inspect(&bystander.name).await.unwrap();
        assert_eq!(other.status, ContainerStatus::Running);
        let events = task.memory_events().unwrap();
        assert!(events.limit_hits > 0, "{events:?}");
        assert!(
            task.remove().is_err(),
            "a group with containers in it cannot be removed"
        );
        for spec in [&bystander, &eater] {
            on.runtime
                .container_remove(
                    &spec.name,
                    Removal {
                        force: true,
                        volumes: true,
                    },
                )
                .await
                .unwrap();
        }
        task.remove().unwrap();
        task.remove().unwrap();
        for tree in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            let left = tree.path().join(task.parent().trim_start_matches('/'));
            assert!(!left.exists(), "{} is left over", left.display());
        }
        assert_eq!(
            task.memory_events().unwrap(),
            runtime::cgroup::MemoryEvents::default()
        );
    })
    .await;
}
