//! What tests of other crates rely on in the in-memory runtime.
#![allow(clippy::unwrap_used)]

use futures::StreamExt;
use runtime::container::{HealthState, Removal};
use runtime::fake::{Delays, FakeHost, FakeRuntime};
use runtime::model::HealthConfig;
use runtime::{ContainerEventKind, ContainerSpec, ContainerStatus, Runtime, RuntimeError, RuntimeEvent};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

async fn run(host: &FakeRuntime, name: &str, image: &str) -> String {
    host.image_pull(image, None, &|_| {}).await.unwrap();
    let id = host
        .container_create(&ContainerSpec::new(name, image))
        .await
        .unwrap();
    host.container_start(&id).await.unwrap();
    id.into_string()
}

async fn stopped(host: &FakeRuntime, id: &str) -> (Option<i64>, bool) {
    host.wait_for(|host| host.running().iter().all(|one| one.id.as_str() != id))
        .await;
    let found = host.container_inspect(id).await.unwrap();
    (found.exit_code, found.oom_killed)
}

#[tokio::test(start_paused = true)]
async fn images_tell_what_their_containers_do() {
    let host = FakeRuntime::default();
    for (image, outcome) in [
        ("fake/exit:3", (Some(3), false)),
        ("fake/run-then-exit:10m-4", (Some(4), false)),
        ("registry:5000/fake/oom:1s", (Some(137), true)),
    ] {
        let id = run(&host, &image.replace(['/', ':'], "-"), image).await;
        assert_eq!(stopped(&host, &id).await, outcome, "{image}");
    }
    let graceful = run(&host, "graceful", "fake/graceful:5s").await;
    host.container_stop(&graceful, None, LONG).await.unwrap();
    assert_eq!(stopped(&host, &graceful).await, (Some(0), false));
    let own_signal = run(&host, "signal", "fake/stopsignal:SIGQUIT").await;
    host.container_stop(&own_signal, None, LONG).await.unwrap();
    assert_eq!(stopped(&host, &own_signal).await, (Some(131), false));
    assert_eq!(
        host.image_inspect("fake/stopsignal:SIGQUIT")
            .await
            .unwrap()
            .stop_signal
            .as_deref(),
        Some("SIGQUIT")
    );
}

#[tokio::test]
async fn each_step_can_fail() {
    let host = FakeRuntime::default();
    let failed = host.image_pull("fake/pull-fails", None, &|_| {}).await;
    assert!(
        matches!(failed, Err(RuntimeError::ImageNotFound { .. })),
        "{failed:?}"
    );
    let failed = host.image_pull("fake/private", None, &|_| {}).await;
    assert!(
        matches!(failed, Err(RuntimeError::ImageNotFound { .. })),
        "{failed:?}"
    );
    host.image_pull("fake/private", Some(&Default::default()), &|_| {})
        .await
        .unwrap();
    assert_eq!(host.pulls(), ["fake/pull-fails", "fake/private", "fake/private"]);
    host.add_image("fake/create-fails");
    let failed = host
        .container_create(&ContainerSpec::new("a", "fake/create-fails"))
        .await;
    assert!(
        matches!(failed, Err(RuntimeError::Engine { status: 500, .. })),
        "{failed:?}"
    );
    host.add_image("fake/start-fails");
    host.container_create(&ContainerSpec::new("b", "fake/start-fails"))
        .await
        .unwrap();
    assert!(host.container_start("b").await.is_err());
    assert_eq!(
        host.container_inspect("b").await.unwrap().status,
        ContainerStatus::Created
    );
    assert_eq!(host.started(), []);
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_an_earlier_run_leaves_the_next_run_alone() {
    let host = FakeRuntime::default();
    let id = run(&host, "a", "fake/run-then-exit:10s-1").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    host.kill(&id).unwrap();
    host.container_start(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(host.container_inspect(&id).await.unwrap().status.is_running());
    assert_eq!(stopped(&host, &id).await, (Some(1), false));
    assert_eq!(host.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn delays_slow_every_call_of_a_kind() {
    let host = FakeRuntime::default();
    host.set_delays(Delays {
        pull: LONG,
        create: LONG,
        start: LONG,
        stop: LONG,
    });
    let began = tokio::time::Instant::now();
    let id = run(&host, "a", "web:1").await;
    assert_eq!(began.elapsed(), 3 * LONG);
    host.container_stop(&id, None, LONG).await.unwrap();
    assert_eq!(began.elapsed(), 4 * LONG);
}

#[tokio::test]
async fn clones_share_the_host_so_that_a_new_agent_finds_its_containers() {
    let host = FakeRuntime::default();
    let id = run(&host, "a", "web:1").await;
    let again = host.clone();
    drop(host);
    assert_eq!(again.container_list(&[], false).await.unwrap()[0].id.as_str(), id);
    assert_eq!(again.container_inspect("a").await.unwrap().image, "web:1");
}

#[tokio::test]
async fn an_unreachable_engine_refuses_calls_and_keeps_events_for_later() {
    let host = FakeRuntime::default();
    let id = run(&host, "a", "web:1").await;
    let mut events = host.events(vec![], None);
    host.set_reachable(false);
    assert!(matches!(
        host.ping().await,
        Err(RuntimeError::ConnectionLost { .. })
    ));
    assert!(matches!(
        host.container_stop(&id, None, LONG).await,
        Err(RuntimeError::ConnectionLost { .. })
    ));
    host.exit(&id, 9).unwrap();
    host.set_reachable(true);
    assert_eq!(events.next().await, Some(RuntimeEvent::Resubscribed));
    match events.next().await {
        Some(RuntimeEvent::Container(event)) => {
            assert_eq!(event.kind, ContainerEventKind::Die { exit_code: 9 })
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_restarted_engine_has_forgotten_its_events_but_not_its_containers() {
    let host = FakeRuntime::default();
    let mut events = host.events(vec![], None);
    let id = run(&host, "a", "web:1").await;
    host.restart_engine();
    assert_eq!(events.next().await, Some(RuntimeEvent::Resubscribed));
    assert!(host.container_inspect(&id).await.unwrap().status.is_running());
    host.kill(&id).unwrap();
    assert!(matches!(events.next().await, Some(RuntimeEvent::Container(event)) if event.id.as_str() == id));
}

#[tokio::test]
async fn a_lost_answer_hides_a_call_that_took_effect() {
    let host = FakeRuntime::default();
    host.add_image("web:1");
    host.lose_answers(2);
    let lost = host.container_create(&ContainerSpec::new("a", "web:1")).await;
    assert!(
        matches!(lost, Err(RuntimeError::ConnectionLost { .. })),
        "{lost:?}"
    );
    assert!(host.container_start("a").await.is_err());
    assert_eq!(host.running().len(), 1);
    host.container_start("a").await.unwrap();
    assert_eq!(host.started().len(), 1);
}

#[tokio::test]
async fn health_follows_the_hooks_and_only_with_a_health_check() {
    let host = FakeRuntime::default();
    host.add_image("fake/never-healthy");
    let mut spec = ContainerSpec::new("a", "fake/never-healthy");
    spec.body.healthcheck = Some(HealthConfig {
        test: Some(vec!["CMD".into(), "true".into()]),
        ..Default::default()
    });
    host.container_create(&spec).await.unwrap();
    host.container_start("a").await.unwrap();
    let health = async || {
        host.container_inspect("a")
            .await
            .unwrap()
            .health
            .map(|health| health.state)
    };
    assert_eq!(health().await, Some(HealthState::Starting));
    host.set_health("a", HealthState::Unhealthy).unwrap();
    assert_eq!(health().await, Some(HealthState::Unhealthy));
    run(&host, "plain", "web:1").await;
    host.set_health("plain", HealthState::Unhealthy).unwrap();
    assert_eq!(host.container_inspect("plain").await.unwrap().health, None);
}

#[tokio::test]
async fn containers_may_vanish() {
    let host = FakeRuntime::default();
    let id = run(&host, "a", "web:1").await;
    host.vanish("a").unwrap();
    assert!(matches!(
        host.container_inspect(&id).await,
        Err(RuntimeError::NotFound { .. })
    ));
    assert!(matches!(host.exit(&id, 1), Err(RuntimeError::NotFound { .. })));
    assert_eq!(host.containers(), []);
    let removed = host.container_remove(&id, Removal::default()).await;
    assert!(removed.unwrap_err().is_missing());
}

#[tokio::test]
async fn hundreds_of_hosts_with_hundreds_of_containers_fit_in_one_process() {
    let mut ports = Vec::new();
    for number in 0..300 {
        let host = FakeRuntime::new(FakeHost {
            name: format!("host-{number}"),
            ..FakeHost::default()
        });
        host.add_image("web:1");
        for container in 0..100 {
            let name = format!("web-{container}");
            let mut spec = ContainerSpec::new(&name, "web:1");
            let binding = runtime::model::PortBinding::default();
            let bindings = [("80/tcp".to_owned(), Some(vec![binding]))].into();
            spec.host_config_mut().port_bindings = Some(bindings);
            host.container_create(&spec).await.unwrap();
            host.container_start(&name).await.unwrap();
            ports.push(host.container_inspect(&name).await.unwrap().ports[0].host_port);
        }
        let mut used = ports.split_off(0);
        used.sort_unstable();
        used.dedup();
        assert_eq!(
            (used.len(), host.running().len(), host.started().len()),
            (100, 100, 100)
        );
    }
}
