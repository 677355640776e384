//! LB-15 to LB-17 against real targets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kit::{Random, Shutdown, SystemClock, Tasks};
use load_balancer::checks::Checker;
use load_balancer::state::State;
use routing::health::{CheckProtocol, Matcher};
use routing::message::{FromProxy, TargetReport};
use routing::snapshot::{ListenerProtocol, ProtocolVersion, TargetProtocol};
use routing::{Health, HealthReason, HealthState, Kind, TargetGroup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::world::{GROUP, at, balancer, certificate, group, soon, target, wait};

struct World {
    state: Arc<State>,
    checker: Checker,
    reports: mpsc::UnboundedReceiver<FromProxy>,
    tasks: Tasks,
}

impl World {
    /// A proxy that checks one group, as the server told it to.
    fn checking(config: TargetGroup) -> Self {
        let world = Self::idle();
        world.state.set_target_group(config);
        world.checker.connected(true);
        world.checker.assign([GROUP.to_owned()]);
        world
    }

    fn idle() -> Self {
        let state = Arc::new(State::new());
        let (checker, reports) = Checker::new(state.clone(), Arc::new(SystemClock), Random::seeded(1));
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("health checks", checker.clone().run(tasks.shutdown().clone()));
        Self {
            state,
            checker,
            reports,
            tasks,
        }
    }

    async fn report(&mut self) -> TargetReport {
        let report = soon("a report", self.reports.recv()).await.unwrap();
        let FromProxy::Health {
            target_group,
            mut targets,
        } = report
        else {
            panic!("not a health report");
        };
        assert_eq!((target_group.as_str(), targets.len()), (GROUP, 1));
        targets.remove(0)
    }

    /// The next report of a state; others, such as full reports, may come before.
    async fn reported(&mut self, state: HealthState) -> Health {
        loop {
            let report = self.report().await;
            if report.health.state == state {
                return report.health;
            }
        }
    }

    async fn end(self) {
        assert_eq!(
            self.tasks.drain(Duration::from_secs(5)).await.dropped,
            Vec::<String>::new()
        );
    }
}

/// Answers every request with `answer` and hands out what was asked.
async fn http_target(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (send, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            request.truncate(length);
            let _ = send.send(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, requests)
}

fn config(address: SocketAddr) -> TargetGroup {
    group(
        GROUP,
        TargetProtocol::Http,
        vec![target(address, HealthState::Initial)],
    )
}

#[tokio::test]
async fn lb17_one_passing_check_at_once_makes_a_new_target_healthy() {
    let (address, mut requests) = http_target("HTTP/1.1 204 No Content\r\n\r\n").await;
    let mut config = config(address);
    config.health_check.interval_seconds = 300;
    let mut world = World::checking(config);
    world.reported(HealthState::Healthy).await;
    let request = requests.recv().await.unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /ready http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")), "{request}");
    assert!(
        request.contains("user-agent: elb-healthchecker/2.0\r\n"),
        "{request}"
    );
    assert!(request.contains("connection: close\r\n"), "{request}");
    let eligible = world.state.group(GROUP).unwrap().view().eligible.len();
    assert_eq!(eligible, 1, "what is seen here counts here at once");
    world.end().await;
}

#[tokio::test]
async fn lb16_a_wrong_code_is_named_and_a_redirect_is_not_followed() {
    let (address, _requests) = http_target("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n").await;
    let mut world = World::checking(config(address));
    let health = world.reported(HealthState::Unhealthy).await;
    assert_eq!(health.reason, Some(HealthReason::ResponseCodeMismatch));
    assert_eq!(
        health.description.as_deref(),
        Some("Health checks failed with these codes: [302]")
    );
    world.end().await;
}

#[tokio::test]
async fn lb16_silence_is_a_timeout_and_a_closed_port_a_failure() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::checking(config(silent.local_addr().unwrap()));
    let health = world.reported(HealthState::Unhealthy).await;
    assert_eq!(health.reason, Some(HealthReason::Timeout));
    assert_eq!(health.description.as_deref(), Some("Request timed out"));
    drop(silent);
    let health = world.reported(HealthState::Unhealthy).await;
    assert_eq!(health.reason, Some(HealthReason::FailedHealthChecks));
    assert_eq!(health.description.as_deref(), Some("Health checks failed"));
    world.end().await;
}

#[tokio::test]
async fn lb15_changed_settings_and_draining_take_effect_at_once() {
    let (address, _requests) = http_target("HTTP/1.1 404 Not Found\r\n\r\n").await;
    let mut config = config(address);
    config.health_check.interval_seconds = 300;
    config.health_check.unhealthy_threshold = 1;
    let mut world = World::checking(config.clone());
    world.reported(HealthState::Unhealthy).await;
    config.revision = 2;
    config.health_check.matcher = Matcher::HttpCodes(vec![200..=200, 404..=404]);
    config.health_check.healthy_threshold = 1;
    world.state.set_target_group(config.clone());
    world.checker.refresh();
    world.reported(HealthState::Healthy).await;
    config.revision = 3;
    config.targets[0].draining_until = Some(at("2099-01-01T00:00:00Z"));
    world.state.set_target_group(config);
    world.checker.refresh();
    let health = world.reported(HealthState::Draining).await;
    assert_eq!(health.reason, Some(HealthReason::DeregistrationInProgress));
    world.end().await;
}

#[tokio::test]
async fn lb15_a_tcp_check_passes_when_the_connection_is_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(listener.local_addr().unwrap());
    config.health_check.protocol = CheckProtocol::Tcp;
    // Another port than that of the traffic is checked.
    config.health_check.port = Some(config.targets[0].port);
    config.targets[0].port = 1;
    let mut world = World::checking(config);
    world.reported(HealthState::Healthy).await;
    world.end().await;
}

/// Speaks HTTP/2 and answers with this grpc-status, in trailers.
async fn grpc_target(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    assert_eq!(request.headers()["content-type"], "application/grpc");
                    assert_eq!(request.uri().path(), "/AWS.ALB/healthcheck");
                    let head = http::Response::builder()
                        .header("content-type", "application/grpc")
                        .body(())
                        .unwrap();
                    let mut body = respond.send_response(head, false).unwrap();
                    body.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
                    let trailers = [(
                        http::HeaderName::from_static("grpc-status"),
                        status.parse().unwrap(),
                    )];
                    body.send_trailers(trailers.into_iter().collect()).unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn lb15_grpc_checks_call_the_path_and_judge_the_grpc_status() {
    let with_code = async |status, expected| {
        let mut config = config(grpc_target(status).await);
        config.protocol_version = ProtocolVersion::Grpc;
        config.health_check.path = "/AWS.ALB/healthcheck".to_owned();
        config.health_check.matcher = Matcher::GrpcCodes(vec![12..=12]);
        config.health_check.unhealthy_threshold = 1;
        let mut world = World::checking(config);
        let health = world.reported(expected).await;
        world.end().await;
        health
    };
    with_code("12", HealthState::Healthy).await;
    let health = with_code("14", HealthState::Unhealthy).await;
    assert_eq!(
        health.description.as_deref(),
        Some("Health checks failed with these codes: [14]")
    );
}

#[tokio::test]
async fn lb15_groups_of_http2_are_checked_by_http2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let head = http::Response::builder().status(201).body(()).unwrap();
        respond.send_response(head, true).unwrap();
        // The checker hangs up when it has its answer.
        while connection.accept().await.is_some_and(|next| next.is_ok()) {}
        request
    });
    let mut config = config(address);
    config.protocol_version = ProtocolVersion::Http2;
    let mut world = World::checking(config);
    world.reported(HealthState::Healthy).await;
    let request = soon("the request", target).await.unwrap();
    assert_eq!(
        (request.method().as_str(), request.uri().to_string()),
        ("GET", format!("http://{address}/ready"))
    );
    assert_eq!(request.headers()["user-agent"], "ELB-HealthChecker/2.0");
    world.end().await;
}

#[tokio::test]
async fn lb15_https_checks_take_any_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let termination = crate::tls::termination(&[certificate("c", 1, &["elsewhere.test"])]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = termination.accept(stream).await.unwrap().stream;
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    let mut config = config(address);
    config.health_check.protocol = CheckProtocol::Https;
    let mut world = World::checking(config);
    world.reported(HealthState::Healthy).await;
    world.end().await;
}

#[tokio::test]
async fn a_proxy_that_lost_its_server_checks_what_it_serves_until_the_server_is_back() {
    let (address, mut requests) = http_target("HTTP/1.1 200 OK\r\n\r\n").await;
    let world = World::idle();
    world
        .state
        .set_balancer(balancer(Kind::Application, ListenerProtocol::Http, &[(GROUP, 1)]));
    let mut config = config(address);
    config.targets[0].health.state = HealthState::Unhealthy;
    config.health_check.healthy_threshold = 1;
    world.state.set_target_group(config);
    world.checker.connected(true);
    world.checker.connected(false);
    let seen = || world.state.group(GROUP).unwrap().view().targets[0].state();
    assert_eq!(seen(), HealthState::Unhealthy);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    world.checker.refresh();
    wait("our own word", || (seen() == HealthState::Healthy).then_some(())).await;
    assert!(requests.recv().await.is_some());
    world.checker.connected(true);
    wait("the server's word", || {
        (seen() == HealthState::Unhealthy).then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn a_thousand_targets_are_checked_at_once_without_a_connection_for_each_at_a_time() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await;
            });
        }
    });
    let address = |number: u16| SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], port));
    let mut config = config(address(0));
    config.health_check.timeout_seconds = 20;
    config.health_check.interval_seconds = 30;
    config.targets = (1..=1000)
        .map(|number| target(address(number), HealthState::Initial))
        .collect();
    let world = World::checking(config);
    let group = world.state.group(GROUP).unwrap();
    wait("a thousand healthy targets", || {
        (group.view().healthy == 1000).then_some(())
    })
    .await;
    world.end().await;
}
