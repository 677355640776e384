//! What every runtime has to do.

use crate::subject::{Behaviour, PATIENCE, Subject, next};
use chrono::TimeDelta;
use runtime::container::{HealthState, LogStream, Removal};
use runtime::model::PortBinding;
use runtime::{
    ContainerEventKind, ContainerSpec, ContainerStatus, LabelFilter, Result, RuntimeError, VolumeSpec,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

fn is_not_found<T: std::fmt::Debug>(result: Result<T>) -> bool {
    matches!(result, Err(RuntimeError::NotFound { .. }))
}

fn is_conflict<T: std::fmt::Debug>(result: Result<T>) -> bool {
    matches!(result, Err(RuntimeError::Conflict { .. }))
}

fn is_image_not_found<T: std::fmt::Debug>(result: Result<T>) -> bool {
    matches!(result, Err(RuntimeError::ImageNotFound { .. }))
}

fn publish(spec: &mut ContainerSpec, inside: &str, outside: &str) {
    let binding = PortBinding {
        host_ip: None,
        host_port: Some(outside.to_owned()),
    };
    spec.body
        .exposed_ports
        .get_or_insert_default()
        .push(inside.to_owned());
    spec.host_config_mut()
        .port_bindings
        .get_or_insert_default()
        .insert(inside.to_owned(), Some(vec![binding]));
}

pub async fn the_engine_describes_itself(on: &Subject) {
    on.runtime.ping().await.unwrap();
    let info = on.runtime.info().await.unwrap();
    assert!(
        !info.version.is_empty() && info.api_version.contains('.'),
        "{info:?}"
    );
    assert!(info.cpus > 0 && info.memory_bytes > 1 << 28, "{info:?}");
    assert!(
        info.log_drivers.iter().any(|driver| driver == "json-file"),
        "{info:?}"
    );
    assert!(
        !info.storage_driver.is_empty() && !info.architecture.is_empty(),
        "{info:?}"
    );
}

pub async fn an_image_is_listed_tagged_and_removed(on: &Subject) {
    let second = format!("{}-second", on.image);
    let image = on.runtime.image_inspect(&on.image).await.unwrap();
    assert!(image.id.starts_with("sha256:") && image.size > 0, "{image:?}");
    assert_eq!(image.repo_tags, std::slice::from_ref(&on.image));
    on.runtime.image_tag(&on.image, &second).await.unwrap();
    assert_eq!(on.runtime.image_inspect(&second).await.unwrap().id, image.id);
    let listed = on.runtime.image_list().await.unwrap();
    let listed = listed.iter().find(|one| one.id == image.id).unwrap();
    assert!(
        listed.repo_tags.contains(&on.image) && listed.repo_tags.contains(&second),
        "{listed:?}"
    );
    on.runtime.image_remove(&second, false).await.unwrap();
    assert!(is_image_not_found(on.runtime.image_inspect(&second).await));
    let id = on
        .runtime
        .container_create(&ContainerSpec::new(on.name("user"), &on.image))
        .await
        .unwrap();
    assert!(is_conflict(on.runtime.image_remove(&on.image, false).await));
    on.runtime
        .container_remove(&id, Removal::default())
        .await
        .unwrap();
    on.runtime.image_remove(&on.image, false).await.unwrap();
    assert!(is_image_not_found(
        on.runtime.image_remove(&on.image, false).await
    ));
}

pub async fn a_missing_image_is_told_apart_from_other_failures(on: &Subject) {
    let spec = ContainerSpec::new(on.name("no-image"), "berth-contract-test:missing");
    let error = on.runtime.container_create(&spec).await.unwrap_err();
    assert!(matches!(error, RuntimeError::ImageNotFound { .. }), "{error:?}");
    assert!(
        error.to_string().contains("berth-contract-test:missing"),
        "{error}"
    );
    assert!(is_not_found(on.runtime.container_inspect(&spec.name).await));
    assert!(is_image_not_found(
        on.runtime.image_tag("berth-contract-test:missing", "x:1").await
    ));
}

pub async fn a_container_lives_from_create_to_remove(on: &Subject) {
    let mut spec = on.spec("life", Behaviour::Run);
    spec.body.env = Some(vec!["COLOUR=red".into()]);
    spec.host_config_mut().memory = Some(64 << 20);
    let id = on.runtime.container_create(&spec).await.unwrap();
    assert_eq!(id.len(), 64);
    let created = on.runtime.container_inspect(&id).await.unwrap();
    assert_eq!(
        (created.status, created.exit_code, created.pid),
        (ContainerStatus::Created, None, None)
    );
    assert_eq!((&created.id, created.name.as_str()), (&id, spec.name.as_str()));
    assert_eq!((created.started_at, created.finished_at), (None, None));
    assert!(
        created.created_at.is_some() && created.health.is_none() && created.image_id.starts_with("sha256:")
    );

    on.runtime.container_start(&id).await.unwrap();
    let running = on.runtime.container_inspect(&id).await.unwrap();
    assert_eq!(
        (running.status, running.exit_code),
        (ContainerStatus::Running, None)
    );
    assert!(running.pid.is_some() && running.started_at.is_some());
    let endpoint = &running.networks["bridge"];
    assert!(
        endpoint.ipv4.is_some() && endpoint.gateway.is_some() && endpoint.mac_address.is_some(),
        "{endpoint:?}"
    );
    assert!(running.env.contains(&"COLOUR=red".to_owned()));
    assert_eq!(running.host_config.memory, Some(64 << 20));
    assert!(on.label().matches(&running.labels));

    on.runtime.container_stop(&id, None, SOON).await.unwrap();
    let stopped = on.runtime.container_inspect(&id).await.unwrap();
    assert_eq!(
        (stopped.status, stopped.exit_code),
        (ContainerStatus::Exited, Some(143))
    );
    assert!(stopped.pid.is_none() && stopped.finished_at >= stopped.started_at && !stopped.oom_killed);
    assert!(stopped.networks.values().all(|endpoint| endpoint.ipv4.is_none()));
    on.runtime
        .container_remove(&id, Removal::default())
        .await
        .unwrap();
    assert!(is_not_found(on.runtime.container_inspect(&id).await));
}

pub async fn starting_and_stopping_twice_does_no_harm(on: &Subject) {
    let id = on.start("twice", Behaviour::Run).await;
    let first = on.runtime.container_inspect(&id).await.unwrap();
    on.runtime.container_start(&id).await.unwrap();
    assert_eq!(
        on.runtime.container_inspect(&id).await.unwrap().started_at,
        first.started_at
    );
    on.runtime.container_stop(&id, None, SOON).await.unwrap();
    on.runtime.container_stop(&id, None, SOON).await.unwrap();
    on.runtime
        .container_stop(&id, Some("SIGINT"), SOON)
        .await
        .unwrap();
    assert_eq!(
        on.runtime.container_inspect(&id).await.unwrap().exit_code,
        Some(143)
    );
}

pub async fn k01_exit_codes_are_kept_and_a_container_may_run_again(on: &Subject) {
    let id = on.start("exit", Behaviour::Exit(3)).await;
    let first = on
        .until(&id, |found| found.status == ContainerStatus::Exited)
        .await;
    assert_eq!((first.exit_code, first.oom_killed), (Some(3), false));
    on.runtime.container_start(&id).await.unwrap();
    let again = |found: &runtime::ContainerDetails| {
        found.status == ContainerStatus::Exited && found.started_at > first.started_at
    };
    assert_eq!(on.until(&id, again).await.exit_code, Some(3));
    let zero = on.start("zero", Behaviour::Exit(0)).await;
    assert_eq!(
        on.until(&zero, |found| found.status.is_stopped()).await.exit_code,
        Some(0)
    );
}

pub async fn stop_honours_the_containers_own_stop_signal(on: &Subject) {
    let mut spec = on.spec("own", Behaviour::Run);
    spec.body.stop_signal = Some("SIGQUIT".into());
    let own = on.runtime.container_create(&spec).await.unwrap();
    on.runtime.container_start(&own).await.unwrap();
    on.runtime.container_stop(&own, None, SOON).await.unwrap();
    assert_eq!(
        on.runtime.container_inspect(&own).await.unwrap().exit_code,
        Some(131)
    );
    let told = on.start("told", Behaviour::Run).await;
    on.runtime
        .container_stop(&told, Some("SIGINT"), SOON)
        .await
        .unwrap();
    assert_eq!(
        on.runtime.container_inspect(&told).await.unwrap().exit_code,
        Some(130)
    );
}

pub async fn stop_kills_what_does_not_listen(on: &Subject) {
    for (name, signal) in [("default", None), ("told", Some("SIGTERM"))] {
        let id = on.start(name, Behaviour::IgnoreTerm).await;
        let began = Instant::now();
        on.runtime
            .container_stop(&id, signal, Duration::from_secs(1))
            .await
            .unwrap();
        assert!(
            began.elapsed() >= Duration::from_secs(1),
            "killed after {:?}",
            began.elapsed()
        );
        let found = on.runtime.container_inspect(&id).await.unwrap();
        assert_eq!(
            (found.status, found.exit_code),
            (ContainerStatus::Exited, Some(137))
        );
    }
}

pub async fn kill_needs_a_running_container(on: &Subject) {
    let id = on.start("kill", Behaviour::IgnoreTerm).await;
    on.runtime.container_kill(&id, "SIGKILL").await.unwrap();
    let found = on
        .until(&id, |found| found.status == ContainerStatus::Exited)
        .await;
    assert_eq!((found.exit_code, found.oom_killed), (Some(137), false));
    assert!(is_conflict(on.runtime.container_kill(&id, "SIGKILL").await));
}

pub async fn names_are_unique_and_as_good_as_ids(on: &Subject) {
    let spec = on.spec("name", Behaviour::Run);
    let id = on.runtime.container_create(&spec).await.unwrap();
    assert!(is_conflict(on.runtime.container_create(&spec).await));
    on.runtime.container_start(&spec.name).await.unwrap();
    assert_eq!(on.runtime.container_inspect(&spec.name).await.unwrap().id, id);
    on.runtime.container_stop(&spec.name, None, SOON).await.unwrap();
    on.runtime
        .container_remove(&spec.name, Removal::default())
        .await
        .unwrap();
    on.runtime.container_create(&spec).await.unwrap();
}

pub async fn whatever_is_missing_is_not_found(on: &Subject) {
    let name = on.name("missing");
    assert!(is_not_found(on.runtime.container_inspect(&name).await));
    assert!(is_not_found(on.runtime.container_start(&name).await));
    assert!(is_not_found(on.runtime.container_stop(&name, None, SOON).await));
    assert!(is_not_found(
        on.runtime.container_stop(&name, Some("SIGINT"), SOON).await
    ));
    assert!(is_not_found(on.runtime.container_kill(&name, "SIGKILL").await));
    assert!(is_not_found(
        on.runtime
            .container_remove(
                &name,
                Removal {
                    force: true,
                    volumes: true
                }
            )
            .await
    ));
    assert!(is_not_found(
        on.runtime.container_exec(&name, &["x".into()], SOON).await
    ));
    assert!(is_not_found(on.runtime.container_logs(&name, 1).await));
    assert!(is_not_found(on.runtime.container_stats(&name).await));
    assert!(is_not_found(on.runtime.volume_inspect(&name).await));
    assert!(is_not_found(on.runtime.volume_remove(&name).await));
    assert!(is_not_found(on.runtime.network_inspect(&name).await));
}

pub async fn a_running_container_is_removed_by_force_only(on: &Subject) {
    let id = on.start("force", Behaviour::Run).await;
    assert!(is_conflict(
        on.runtime.container_remove(&id, Removal::default()).await
    ));
    on.runtime
        .container_remove(
            &id,
            Removal {
                force: true,
                volumes: true,
            },
        )
        .await
        .unwrap();
    assert!(is_not_found(on.runtime.container_inspect(&id).await));
}

pub async fn containers_are_listed_by_label(on: &Subject) {
    let mut specs = [on.spec("a", Behaviour::Run), on.spec("b", Behaviour::Run)];
    for (spec, colour) in specs.iter_mut().zip(["red", "blue"]) {
        spec.label("colour", colour);
    }
    let red = on.runtime.container_create(&specs[0]).await.unwrap();
    let blue = on.runtime.container_create(&specs[1]).await.unwrap();
    on.runtime.container_start(&blue).await.unwrap();
    let listed = async |filter: LabelFilter, all| {
        let found = on
            .runtime
            .container_list(&[on.label(), filter], all)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|one| (one.id, one.name, one.status))
            .collect::<Vec<_>>()
    };
    let red = (red, specs[0].name.clone(), ContainerStatus::Created);
    let blue = (blue, specs[1].name.clone(), ContainerStatus::Running);
    assert_eq!(listed(LabelFilter::equals("colour", "red"), true).await, [red]);
    assert_eq!(listed(LabelFilter::exists("colour"), true).await.len(), 2);
    assert_eq!(listed(LabelFilter::exists("colour"), false).await, [blue]);
    assert_eq!(listed(LabelFilter::exists("size"), true).await, []);
}

pub async fn open_host_ports_are_chosen_without_collision(on: &Subject) {
    let mut chosen = Vec::new();
    for name in ["a", "b", "c"] {
        let mut spec = on.spec(name, Behaviour::Run);
        publish(&mut spec, "80/tcp", "");
        publish(&mut spec, "53/udp", "0");
        let id = on.runtime.container_create(&spec).await.unwrap();
        on.runtime.container_start(&id).await.unwrap();
        let found = on.runtime.container_inspect(&id).await.unwrap();
        let tcp = found
            .ports
            .iter()
            .find(|port| port.protocol == "tcp" && port.host_ip == "0.0.0.0")
            .unwrap();
        assert_eq!(tcp.container_port, 80);
        assert!(
            found
                .ports
                .iter()
                .any(|port| (port.container_port, port.protocol.as_str()) == (53, "udp"))
        );
        chosen.push(tcp.host_port);
        on.until(&id, |found| found.status.is_running()).await;
    }
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), 3, "{chosen:?}");
    on.runtime
        .container_stop(&on.name("a"), None, SOON)
        .await
        .unwrap();
    assert_eq!(
        on.runtime.container_inspect(&on.name("a")).await.unwrap().ports,
        []
    );
}

pub async fn a_taken_host_port_fails_the_start(on: &Subject) {
    let mut first = on.spec("first", Behaviour::Run);
    publish(&mut first, "80/tcp", "");
    on.runtime.container_create(&first).await.unwrap();
    on.runtime.container_start(&first.name).await.unwrap();
    let taken = on.runtime.container_inspect(&first.name).await.unwrap().ports[0].host_port;
    let mut second = on.spec("second", Behaviour::Run);
    publish(&mut second, "80/tcp", &taken.to_string());
    on.runtime.container_create(&second).await.unwrap();
    let error = on.runtime.container_start(&second.name).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Engine { .. }), "{error:?}");
    assert!(error.to_string().contains("port is already allocated"), "{error}");
    let found = on.runtime.container_inspect(&second.name).await.unwrap();
    assert_eq!(
        (found.status, found.exit_code),
        (ContainerStatus::Created, Some(128))
    );
    assert!(found.error.is_some_and(|text| text.contains("already allocated")));
    on.runtime.container_stop(&first.name, None, SOON).await.unwrap();
    on.runtime.container_start(&second.name).await.unwrap();
    assert_eq!(
        on.runtime.container_inspect(&second.name).await.unwrap().ports[0].host_port,
        taken
    );
}

pub async fn host_mode_has_neither_address_nor_ports(on: &Subject) {
    for mode in ["host", "none"] {
        let mut spec = on.spec(mode, Behaviour::Run);
        spec.host_config_mut().network_mode = Some(mode.to_owned());
        let id = on.runtime.container_create(&spec).await.unwrap();
        on.runtime.container_start(&id).await.unwrap();
        let found = on.runtime.container_inspect(&id).await.unwrap();
        assert_eq!(found.ports, []);
        assert!(found.networks[mode].ipv4.is_none());
        assert_eq!(found.host_config.network_mode.as_deref(), Some(mode));
    }
}

pub async fn events_tell_a_life_in_order(on: &Subject) {
    let mut events = on.events(None);
    let mut others = on
        .runtime
        .events(vec![on.label(), LabelFilter::exists("no-such-label")], None);
    let mut spec = on.spec("events", Behaviour::Exit(5));
    spec.label("colour", "red");
    let id = on.runtime.container_create(&spec).await.unwrap();
    on.runtime.container_start(&id).await.unwrap();
    let kinds = [
        ContainerEventKind::Create,
        ContainerEventKind::Start,
        ContainerEventKind::Die { exit_code: 5 },
        ContainerEventKind::Destroy,
    ];
    for (position, kind) in kinds.into_iter().enumerate() {
        if position == 3 {
            on.runtime
                .container_remove(&id, Removal::default())
                .await
                .unwrap();
        }
        let event = next(&mut events).await;
        assert_eq!(event.kind, kind);
        assert_eq!(
            (&event.id, &event.name, event.image.as_str()),
            (&id, &spec.name, spec.image())
        );
        assert!(
            on.label().matches(&event.labels) && event.labels["colour"] == "red",
            "{event:?}"
        );
        assert!(!event.labels.contains_key("exitCode"), "{event:?}");
    }
    let quiet = tokio::time::timeout(Duration::from_millis(200), futures::StreamExt::next(&mut others)).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

pub async fn events_are_replayed_from_a_time_on(on: &Subject) {
    let first = on.start("first", Behaviour::Exit(1)).await;
    on.until(&first, |found| found.status.is_stopped()).await;
    let created = on
        .runtime
        .container_inspect(&first)
        .await
        .unwrap()
        .created_at
        .unwrap();
    let mut events = on.events(Some(created - TimeDelta::seconds(1)));
    assert_eq!(next(&mut events).await.kind, ContainerEventKind::Create);
    assert_eq!(next(&mut events).await.kind, ContainerEventKind::Start);
    assert_eq!(
        next(&mut events).await.kind,
        ContainerEventKind::Die { exit_code: 1 }
    );
    let second = on.start("second", Behaviour::Run).await;
    assert_eq!(next(&mut events).await.id.as_str(), second);
}

pub async fn k06_memory_kills_are_seen_as_such(on: &Subject) {
    let mut events = on.events(None);
    // An engine misses the kernel's word now and then, for good; the exit code it always has.
    for attempt in 0..10 {
        let id = on.start(&format!("oom-{attempt}"), Behaviour::EatMemory).await;
        let found = on
            .until(&id, |found| found.status == ContainerStatus::Exited)
            .await;
        assert_eq!(found.exit_code, Some(137));
        let mut kinds = Vec::new();
        while kinds.last() != Some(&ContainerEventKind::Die { exit_code: 137 }) {
            kinds.push(next(&mut events).await.kind);
        }
        if found.oom_killed && kinds.contains(&ContainerEventKind::Oom) {
            return;
        }
    }
    panic!("no kill for memory was seen as one");
}

pub async fn health_checks_come_to_a_verdict(on: &Subject) {
    let mut events = on.events(None);
    for (name, behaviour, verdict) in [
        ("well", Behaviour::Run, HealthState::Healthy),
        ("ill", Behaviour::Unhealthy, HealthState::Unhealthy),
    ] {
        let spec = Subject::with_health_check(on.spec(name, behaviour), behaviour);
        let id = on.runtime.container_create(&spec).await.unwrap();
        on.runtime.container_start(&id).await.unwrap();
        let is_settled = |found: &runtime::ContainerDetails| {
            found
                .health
                .as_ref()
                .is_some_and(|health| health.state == verdict)
        };
        let health = on.until(&id, is_settled).await.health.unwrap();
        assert_eq!(
            health.exit_code,
            Some(i64::from(verdict == HealthState::Unhealthy))
        );
        assert!(health.checked_at.is_some());
        let wanted = ContainerEventKind::Health(verdict);
        while next(&mut events).await.kind != wanted {}
        on.runtime
            .container_remove(
                &id,
                Removal {
                    force: true,
                    volumes: true,
                },
            )
            .await
            .unwrap();
    }
    let plain = on.start("plain", Behaviour::Run).await;
    assert_eq!(on.runtime.container_inspect(&plain).await.unwrap().health, None);
}

pub async fn volumes_outlive_containers(on: &Subject) {
    let spec = VolumeSpec {
        name: on.name("volume"),
        labels: BTreeMap::from([("colour".to_owned(), "red".to_owned())]),
        ..VolumeSpec::default()
    };
    let made = on.runtime.volume_create(&spec).await.unwrap();
    assert_eq!((made.driver.as_str(), &made.labels), ("local", &spec.labels));
    assert_eq!(on.runtime.volume_create(&spec).await.unwrap(), made);
    assert_eq!(on.runtime.volume_inspect(&spec.name).await.unwrap(), made);
    let mut container = on.spec("user", Behaviour::Run);
    container.host_config_mut().binds = Some(vec![format!("{}:/data:ro", spec.name)]);
    let id = on.runtime.container_create(&container).await.unwrap();
    let mount = on.runtime.container_inspect(&id).await.unwrap().mounts.remove(0);
    assert_eq!(
        (mount.kind.as_str(), mount.volume.as_deref()),
        ("volume", Some(spec.name.as_str()))
    );
    assert_eq!((mount.destination.as_str(), mount.writable), ("/data", false));
    assert!(is_conflict(on.runtime.volume_remove(&spec.name).await));
    on.runtime
        .container_remove(
            &id,
            Removal {
                force: true,
                volumes: true,
            },
        )
        .await
        .unwrap();
    on.runtime.volume_remove(&spec.name).await.unwrap();
    assert!(is_not_found(on.runtime.volume_inspect(&spec.name).await));
}

pub async fn commands_run_inside_a_container(on: &Subject) {
    let id = on.start("exec", Behaviour::Run).await;
    let command = ["/probe", "say", "7", "hello"].map(str::to_owned);
    let output = on.runtime.container_exec(&id, &command, PATIENCE).await.unwrap();
    assert_eq!((output.exit_code, output.output.as_str()), (7, "hello\n"));
    on.runtime.container_stop(&id, None, SOON).await.unwrap();
    assert!(is_conflict(
        on.runtime.container_exec(&id, &command, PATIENCE).await
    ));
}

pub async fn logs_end_with_the_last_lines(on: &Subject) {
    let id = on.start("logs", Behaviour::Say).await;
    let lines = async {
        loop {
            let lines = on.runtime.container_logs(&id, 2).await.unwrap();
            if lines.last().is_some_and(|line| line.text == "three") {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let lines = tokio::time::timeout(PATIENCE, lines).await.unwrap();
    let texts: Vec<_> = lines
        .iter()
        .map(|line| (line.stream, line.text.as_str()))
        .collect();
    assert_eq!(texts, [(LogStream::Stdout, "two"), (LogStream::Stdout, "three")]);
}

pub async fn a_running_container_has_statistics(on: &Subject) {
    let mut spec = on.spec("stats", Behaviour::Run);
    spec.host_config_mut().memory = Some(32 << 20);
    let id = on.runtime.container_create(&spec).await.unwrap();
    on.runtime.container_start(&id).await.unwrap();
    let stats = on.runtime.container_stats(&id).await.unwrap();
    assert!(stats.read_at().is_some() && stats.online_cpus() > 0, "{stats:?}");
    assert_eq!(stats.memory_limit_bytes(), Some(32 << 20));
    assert!(
        stats.memory_bytes() > 0 && stats.memory_bytes() < 32 << 20,
        "{stats:?}"
    );
    assert!(stats.network().is_some(), "{stats:?}");
    let document = serde_json::to_value(&stats).unwrap();
    assert!(
        document["cpu_stats"]["cpu_usage"]["total_usage"].is_u64(),
        "{document}"
    );
}

pub async fn the_bridge_has_a_gateway(on: &Subject) {
    let bridge = on.runtime.network_inspect("bridge").await.unwrap();
    assert_eq!(
        (bridge.name.as_str(), bridge.driver.as_str()),
        ("bridge", "bridge")
    );
    assert_eq!(bridge.bridge_interface.as_deref(), Some("docker0"));
    assert!(
        bridge.subnets.iter().any(|subnet| subnet.gateway.is_some()),
        "{bridge:?}"
    );
    if on.is_fake() {
        assert_eq!(bridge.subnets[0].cidr, "172.17.0.0/16");
    }
}
