//! Flows of network balancers.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kit::Shutdown;
use load_balancer::l4;
use load_balancer::plane::{Arrived, Plane};
use load_balancer::session::Served;
use load_balancer::tls::TargetTls;
use routing::attributes::Stickiness;
use routing::snapshot::{ListenerProtocol, ListenerTls, MutualAuthentication, TargetProtocol};
use routing::{HealthState, Kind, TargetGroup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::fixture::{self, Rig};
use crate::world::{GROUP, LISTENER, balancer, certificate, group, plane, soon, target, wait};

const OTHER: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/other/1";

/// A data path in which a network balancer's listener of this protocol forwards to `groups`.
fn network(protocol: ListenerProtocol, groups: Vec<(TargetGroup, u32)>) -> Arc<Plane> {
    let plane = plane();
    let weights: Vec<(&str, u32)> = groups
        .iter()
        .map(|(group, weight)| (group.arn.as_str(), *weight))
        .collect();
    plane
        .state
        .set_balancer(balancer(Kind::Network, protocol, &weights));
    for (group, _) in groups {
        plane.state.set_target_group(group);
    }
    plane
}

fn tcp_group(arn: &str, targets: &[SocketAddr]) -> TargetGroup {
    let targets = targets
        .iter()
        .map(|address| target(*address, HealthState::Healthy))
        .collect();
    group(arn, TargetProtocol::Tcp, targets)
}

/// A listening socket in front of `plane`.
async fn listen(plane: &Arc<Plane>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = listener.local_addr().unwrap();
    let plane = plane.clone();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let listener = plane.state.routes().listeners[LISTENER].clone();
            let stream = stream.into_std().unwrap();
            let arrived = Arrived {
                stream,
                peer,
                local,
                listener,
            };
            tokio::spawn(l4::serve(plane.clone(), arrived));
        }
    });
    local
}

/// Takes connections, each as a stream of what was sent.
async fn target_socket() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Says its name to everybody.
async fn named_target(name: &'static str) -> SocketAddr {
    let (listener, address) = target_socket().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(name.as_bytes()).await;
        }
    });
    address
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    soon("the end of a stream", stream.read_to_string(&mut text))
        .await
        .unwrap();
    text
}

async fn reset(stream: &mut TcpStream) -> bool {
    let read = soon("the end of a flow", stream.read(&mut [0; 16])).await;
    read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn each_half_of_a_flow_ends_by_itself() {
    let (listener, address) = target_socket().await;
    let plane = network(ListenerProtocol::Tcp, vec![(tcp_group(GROUP, &[address]), 1)]);
    let mut client = TcpStream::connect(listen(&plane).await).await.unwrap();
    let question = vec![b'q'; 300_000];
    let (mut stream, _) = listener.accept().await.unwrap();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        stream.read_to_end(&mut asked).await.unwrap();
        // The client has ended its half, and still hears.
        stream.write_all(&vec![b'a'; 300_000]).await.unwrap();
        asked
    });
    client.write_all(&question).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(soon("the question", asked).await.unwrap(), question);
    assert_eq!(read_all(client).await.len(), 300_000);
    let bytes = |name: &str| {
        let page = plane.metrics.prometheus();
        page.contains(&format!("{name}{{listener=\"{LISTENER}\"}} 300000\n"))
            .then_some(())
    };
    wait("the flow's bytes", || {
        bytes("berth_lb_received_bytes_total").and(bytes("berth_lb_sent_bytes_total"))
    })
    .await;
}

#[tokio::test]
async fn proxy_protocol_tells_the_target_who_its_client_is() {
    let (listener, address) = target_socket().await;
    let mut config = tcp_group(GROUP, &[address]);
    config.attributes.proxy_protocol_v2 = true;
    let plane = network(ListenerProtocol::Tcp, vec![(config, 1)]);
    let local = listen(&plane).await;
    let mut client = TcpStream::connect(local).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let peer = client.local_addr().unwrap();
    let mut expected = l4::proxy_protocol_header(peer, local, l4::Transport::Stream);
    expected.extend_from_slice(b"hello");
    let mut seen = vec![0; expected.len()];
    soon("the header", stream.read_exact(&mut seen)).await.unwrap();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn lb18_without_a_target_the_client_is_reset_and_unhealthy_ones_are_better_than_none() {
    let plane = network(ListenerProtocol::Tcp, vec![(tcp_group(GROUP, &[]), 1)]);
    let front = listen(&plane).await;
    assert!(reset(&mut TcpStream::connect(front).await.unwrap()).await);
    let mut config = tcp_group(GROUP, &[named_target("open").await]);
    config.revision = 2;
    config.targets[0].health.state = HealthState::Unhealthy;
    plane.state.set_target_group(config);
    assert_eq!(read_all(TcpStream::connect(front).await.unwrap()).await, "open");
}

#[tokio::test]
async fn a_target_that_refuses_is_passed_over() {
    let (gone, refusing) = target_socket().await;
    drop(gone);
    let plane = network(
        ListenerProtocol::Tcp,
        vec![(tcp_group(GROUP, &[refusing, named_target("b").await]), 1)],
    );
    let front = listen(&plane).await;
    for _ in 0..4 {
        assert_eq!(read_all(TcpStream::connect(front).await.unwrap()).await, "b");
    }
}

#[tokio::test]
async fn lb32_flows_are_shared_by_weight_and_a_weight_of_zero_gets_none() {
    let first = tcp_group(GROUP, &[named_target("a").await]);
    let second = tcp_group(OTHER, &[named_target("b").await]);
    let third = tcp_group("arn:none", &[named_target("c").await]);
    let plane = network(ListenerProtocol::Tcp, vec![(first, 1), (third, 0), (second, 1)]);
    let front = listen(&plane).await;
    let mut counts: HashMap<String, u32> = HashMap::new();
    for _ in 0..60 {
        *counts
            .entry(read_all(TcpStream::connect(front).await.unwrap()).await)
            .or_default() += 1;
    }
    assert!(
        counts["a"] > 5 && counts["b"] > 5 && !counts.contains_key("c"),
        "{counts:?}"
    );
}

#[tokio::test]
async fn lb34_source_ip_stickiness_keeps_a_client_with_its_target() {
    let mut config = tcp_group(
        GROUP,
        &[
            named_target("a").await,
            named_target("b").await,
            named_target("c").await,
        ],
    );
    let plane = network(ListenerProtocol::Tcp, vec![(config.clone(), 1)]);
    let front = listen(&plane).await;
    let mut turns = std::collections::HashSet::new();
    for _ in 0..3 {
        turns.insert(read_all(TcpStream::connect(front).await.unwrap()).await);
    }
    assert_eq!(turns.len(), 3, "in turn without it");
    config.revision = 2;
    config.attributes.stickiness = Some(Stickiness::SourceIp);
    plane.state.set_target_group(config);
    let first = read_all(TcpStream::connect(front).await.unwrap()).await;
    for _ in 0..5 {
        assert_eq!(read_all(TcpStream::connect(front).await.unwrap()).await, first);
    }
}

/// A flow that is open, with the target's side of it.
async fn open_flow(config: &TargetGroup, listener: &TcpListener) -> (Arc<Plane>, TcpStream, TcpStream) {
    let plane = network(ListenerProtocol::Tcp, vec![(config.clone(), 1)]);
    let mut client = TcpStream::connect(listen(&plane).await).await.unwrap();
    let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
    client.write_all(b"x").await.unwrap();
    soon("a byte", stream.read_exact(&mut [0])).await.unwrap();
    (plane, client, stream)
}

#[tokio::test]
async fn flows_to_a_target_that_turns_unhealthy_are_terminated_if_the_group_says_so() {
    let (listener, address) = target_socket().await;
    for terminates in [true, false] {
        let other = named_target("other").await;
        let mut config = tcp_group(GROUP, &[address]);
        config.attributes.unhealthy_connection_termination = terminates;
        let (plane, mut client, mut stream) = open_flow(&config, &listener).await;
        config.revision = 2;
        config.targets[0].health.state = HealthState::Unhealthy;
        config.targets.push(target(other, HealthState::Healthy));
        plane.state.set_target_group(config);
        if terminates {
            assert!(reset(&mut client).await && reset(&mut stream).await);
        } else {
            stream.write_all(b"still here").await.unwrap();
            drop(stream);
            assert_eq!(read_all(client).await, "still here");
        }
    }
}

#[tokio::test]
async fn lb19_flows_outlive_the_deregistration_unless_connections_are_to_be_terminated() {
    let (listener, address) = target_socket().await;
    for terminates in [true, false] {
        let mut config = tcp_group(GROUP, &[address]);
        config.attributes.connection_termination = terminates;
        let (plane, mut client, mut stream) = open_flow(&config, &listener).await;
        config.revision = 2;
        config.targets[0].draining_until = Some(chrono::Utc::now() + chrono::TimeDelta::milliseconds(50));
        plane.state.set_target_group(config.clone());
        if terminates {
            assert!(reset(&mut client).await);
            continue;
        }
        config.revision = 3;
        config.targets.clear();
        plane.state.set_target_group(config);
        stream.write_all(b"still here").await.unwrap();
        drop(stream);
        assert_eq!(read_all(client).await, "still here");
    }
}

#[tokio::test]
async fn an_idle_flow_is_reset_after_the_listeners_timeout() {
    let (listener, address) = target_socket().await;
    let plane = plane();
    let mut config = balancer(Kind::Network, ListenerProtocol::Tcp, &[(GROUP, 1)]);
    config.listeners[0].attributes.tcp_idle_timeout_seconds = 1;
    plane.state.set_balancer(config);
    plane.state.set_target_group(tcp_group(GROUP, &[address]));
    let mut client = TcpStream::connect(listen(&plane).await).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    assert!(reset(&mut client).await && reset(&mut stream).await);
}

#[tokio::test]
async fn lb39_a_tls_listener_terminates_and_speaks_tls_to_tls_targets() {
    let mut listener_tls = balancer(Kind::Network, ListenerProtocol::Tls, &[(GROUP, 1)]);
    listener_tls.listeners[0].tls = Some(ListenerTls {
        default_certificate: "c".into(),
        certificates: Vec::new(),
        policy: "ELBSecurityPolicy-TLS13-1-2-2021-06".into(),
        alpn_policy: None,
        mutual: MutualAuthentication::Off,
    });
    let termination = crate::tls::termination(&[certificate("c", 1, &["a.test"])]);
    for protocol in [TargetProtocol::Tcp, TargetProtocol::Tls] {
        let (listener, address) = target_socket().await;
        let plane = plane();
        plane.state.set_balancer(listener_tls.clone());
        let mut config = tcp_group(GROUP, &[address]);
        config.protocol = protocol;
        plane.state.set_target_group(config);
        plane
            .terminations
            .store(Arc::new([(LISTENER.to_owned(), Ok(termination.clone()))].into()));
        let at_target = termination.clone();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = [0; 5];
            if protocol == TargetProtocol::Tls {
                let mut stream = at_target.accept(stream).await.unwrap().stream;
                stream.read_exact(&mut text).await.unwrap();
                stream.write_all(b"world").await.unwrap();
                stream.shutdown().await.unwrap();
            } else {
                stream.read_exact(&mut text).await.unwrap();
                stream.write_all(b"world").await.unwrap();
            }
            text
        });
        let stream = TcpStream::connect(listen(&plane).await).await.unwrap();
        let mut client = TargetTls::new()
            .connect(stream, [127, 0, 0, 1].into(), Some(b"h2"))
            .await
            .unwrap();
        client.write_all(b"hello").await.unwrap();
        assert_eq!(&soon("the target", heard).await.unwrap(), b"hello");
        let mut answer = Vec::new();
        soon("the answer", client.read_to_end(&mut answer)).await.unwrap();
        assert_eq!(answer, b"world");
    }
}

#[tokio::test]
async fn lb39_a_failed_handshake_is_counted() {
    let plane = network(ListenerProtocol::Tls, vec![(tcp_group(GROUP, &[]), 1)]);
    let mut config = balancer(Kind::Network, ListenerProtocol::Tls, &[(GROUP, 1)]);
    config.revision = 2;
    config.listeners[0].tls = Some(ListenerTls {
        default_certificate: "c".into(),
        certificates: Vec::new(),
        policy: "ELBSecurityPolicy-TLS13-1-2-2021-06".into(),
        alpn_policy: None,
        mutual: MutualAuthentication::Off,
    });
    plane.state.set_balancer(config);
    let termination = crate::tls::termination(&[certificate("c", 1, &["a.test"])]);
    plane
        .terminations
        .store(Arc::new([(LISTENER.to_owned(), Ok(termination))].into()));
    let mut client = TcpStream::connect(listen(&plane).await).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let failures = format!("berth_lb_client_tls_failures_total{{listener=\"{LISTENER}\"}} 1\n");
    wait("the failure", || {
        plane.metrics.prometheus().contains(&failures).then_some(())
    })
    .await;
}

#[tokio::test]
async fn datagrams_of_a_client_go_to_one_target_and_answers_come_from_the_listener() {
    let mut targets = Vec::new();
    for name in ["a", "b", "c"] {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        targets.push(socket.local_addr().unwrap());
        tokio::spawn(async move {
            let mut datagram = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
                let question = String::from_utf8_lossy(&datagram[..length]);
                let _ = socket
                    .send_to(format!("{name}:{question}").as_bytes(), from)
                    .await;
            }
        });
    }
    let mut config = tcp_group(GROUP, &targets);
    config.protocol = TargetProtocol::Udp;
    config.attributes.deregistration_delay_seconds = 0;
    let plane = network(ListenerProtocol::Udp, vec![(config.clone(), 1)]);
    let front = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    front.set_nonblocking(true).unwrap();
    let local = front.local_addr().unwrap();
    let stop = Shutdown::new();
    let arn = Arc::new(ArcSwap::from_pointee(LISTENER.to_owned()));
    let running = tokio::spawn(l4::datagrams(plane.clone(), front, arn, stop.clone()));

    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ask = async |question: &str| {
        client.send_to(question.as_bytes(), local).await.unwrap();
        let mut answer = [0; 1500];
        let (length, from) = soon("an answer", client.recv_from(&mut answer)).await.unwrap();
        assert_eq!(from, local);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let first = ask("1").await;
    let name = first.strip_suffix(":1").unwrap().to_owned();
    for question in ["2", "3"] {
        assert_eq!(ask(question).await, format!("{name}:{question}"));
    }
    // Its target leaves: the flow ends, and the next datagram finds another one.
    let left = ["a", "b", "c"].iter().position(|known| *known == name).unwrap();
    config.targets.remove(left);
    config.revision = 2;
    plane.state.set_target_group(config);
    let closed = format!("berth_lb_connections_active{{listener=\"{LISTENER}\"}} 0\n");
    wait("the flow's end", || {
        plane.metrics.prometheus().contains(&closed).then_some(())
    })
    .await;
    assert_ne!(ask("4").await, format!("{name}:4"));
    stop.request();
    soon("the end", running).await.unwrap().unwrap();
}

#[tokio::test]
async fn datagrams_carry_the_proxy_protocol_each() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut config = tcp_group(GROUP, &[socket.local_addr().unwrap()]);
    config.attributes.proxy_protocol_v2 = true;
    let plane = network(ListenerProtocol::Udp, vec![(config, 1)]);
    let front = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    front.set_nonblocking(true).unwrap();
    let local = front.local_addr().unwrap();
    let stop = Shutdown::new();
    let arn = Arc::new(ArcSwap::from_pointee(LISTENER.to_owned()));
    let running = tokio::spawn(l4::datagrams(plane, front, arn, stop.clone()));
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for text in ["one", "two"] {
        client.send_to(text.as_bytes(), local).await.unwrap();
        let mut datagram = [0; 1500];
        let length = soon("a datagram", socket.recv(&mut datagram)).await.unwrap();
        let peer = client.local_addr().unwrap();
        let mut expected = l4::proxy_protocol_header(peer, local, l4::Transport::Datagram);
        expected.extend_from_slice(text.as_bytes());
        assert_eq!(datagram[..length], expected);
    }
    stop.request();
    soon("the end", running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_proxy_listens_for_connections_and_datagrams_of_one_listener() {
    let (listener, address) = target_socket().await;
    let socket = UdpSocket::bind(address).await.unwrap();
    let rig = Rig::new();
    let mut config = fixture::balancer(vec![fixture::forward(&[("tg", 1)])]);
    config.kind = Kind::Network;
    config.listeners[0].protocol = ListenerProtocol::TcpUdp;
    rig.proxy.set_balancer(config);
    let mut targets = fixture::group("tg", &[address]);
    targets.protocol = TargetProtocol::TcpUdp;
    rig.proxy.set_target_group(targets);

    let mut client = TcpStream::connect(rig.address).await.unwrap();
    let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
    stream.write_all(b"by tcp").await.unwrap();
    drop(stream);
    let mut heard = String::new();
    soon("the stream", client.read_to_string(&mut heard))
        .await
        .unwrap();
    assert_eq!(heard, "by tcp");

    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(rig.address).await.unwrap();
    client.send(b"question").await.unwrap();
    let mut datagram = [0; 64];
    let (length, from) = soon("the question", socket.recv_from(&mut datagram))
        .await
        .unwrap();
    assert_eq!(&datagram[..length], b"question");
    socket.send_to(b"answer", from).await.unwrap();
    let length = soon("the answer", client.recv(&mut datagram)).await.unwrap();
    assert_eq!(&datagram[..length], b"answer");
}
