#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use routing::message::{ListenerStatus, ToProxy};
use routing::snapshot::Kind;

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::plane::Events;

fn balancer(name: &str, revision: i64) -> Balancer {
    Balancer {
        arn: format!("arn:{name}"),
        name: name.to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        kind: Kind::Application,
        number: 1,
        revision,
        dns_name: "x".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        attributes: routing::BalancerAttributes::default(),
        listeners: Vec::new(),
    }
}

#[tokio::test]
async fn what_is_kept_is_private_and_comes_back_as_it_was() {
    let folder = std::env::temp_dir().join(format!("berth-kept-{}", Random::from_os().hex32()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("snapshot.json");
    let mut kept = Kept::new(Some(path.clone()));
    for name in ["front", "gone"] {
        let balancer = Box::new(balancer(name, 7));
        kept.note(&ToProxy::Balancer { balancer });
    }
    kept.note(&ToProxy::Gone {
        arns: vec!["arn:gone".to_owned()],
    });
    kept.write_when_due().await;
    kept.write_now().await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut again = Kept::new(Some(path.clone()));
    again.load().unwrap();
    assert_eq!(again.balancers(), ["arn:front"]);
    std::fs::write(&path, "{}}").unwrap();
    assert!(Kept::new(Some(path)).load().is_err());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn counts_are_told_one_after_another_until_each_is_acknowledged() {
    let outbox = Outbox::default();
    outbox.metrics(Vec::new());
    outbox.metrics(Vec::new());
    let sequence = |message: Option<FromProxy>| match message {
        Some(FromProxy::Metrics { sequence, .. }) => Some(sequence),
        Some(other) => panic!("{other:?}"),
        None => None,
    };
    assert_eq!(sequence(outbox.next()), Some(1));
    assert_eq!(sequence(outbox.next()), None);
    // The connection broke: nobody knows whether it arrived.
    outbox.tell_anew();
    assert_eq!(sequence(outbox.next()), Some(1));
    outbox.acknowledged(1);
    assert_eq!(sequence(outbox.next()), Some(2));
    outbox.acknowledged(2);
    assert_eq!(sequence(outbox.next()), None);
}

#[test]
fn how_listeners_stand_is_told_as_it_is_last_and_anew_on_each_connection() {
    let outbox = Outbox::default();
    let status = ListenerStatus {
        listener: "l".to_owned(),
        addresses: Vec::new(),
        failure: Some("port 80 is taken".to_owned()),
    };
    outbox.applied("arn:front", 1, Vec::new());
    outbox.applied("arn:front", 2, vec![status.clone()]);
    outbox.applied("arn:gone", 1, Vec::new());
    outbox.wake("arn:group");
    outbox.forget(|arn| arn == "arn:gone");
    let applied = FromProxy::Applied {
        balancer: "arn:front".to_owned(),
        revision: 2,
        listeners: vec![status],
    };
    assert_eq!(
        outbox.next(),
        Some(FromProxy::Wake {
            target_group: "arn:group".to_owned()
        })
    );
    assert_eq!(outbox.next(), Some(applied.clone()));
    assert_eq!(outbox.next(), None);
    outbox.tell_anew();
    assert_eq!(outbox.next(), Some(applied));
}

#[test]
fn another_revision_is_put_in_force_also_when_the_database_went_back() {
    let state = crate::state::State::new();
    let set = |revision| state.set_balancer(balancer("front", revision));
    assert_eq!(
        [set(7), set(7), set(5), set(5), set(6)],
        [true, false, true, false, true]
    );
    assert_eq!(state.routes().balancers["arn:front"].revision, 6);
}

/// What it was told, in words.
#[derive(Default)]
struct Told(parking_lot::Mutex<Vec<String>>);

impl Told {
    fn add(&self, words: String) {
        self.0.lock().push(words);
    }
}

impl Served for Told {
    fn set_balancer(&self, balancer: Balancer) {
        self.add(format!("{} at {}", balancer.arn, balancer.revision));
    }
    fn set_target_group(&self, group: TargetGroup) {
        self.add(group.arn);
    }
    fn set_certificate(&self, certificate: Certificate) {
        self.add(certificate.arn);
    }
    fn remove(&self, arns: &[String]) {
        self.add(format!("gone {}", arns.join(" ")));
    }
    fn retain(&self, arns: &HashSet<String>) {
        let mut arns: Vec<&str> = arns.iter().map(String::as_str).collect();
        arns.sort_unstable();
        self.add(format!("only {}", arns.join(" ")));
    }
    fn assign_checks(&self, target_groups: Vec<String>) {
        self.add(format!("check {}", target_groups.join(" ")));
    }
    fn connected(&self, is_connected: bool) {
        self.add(format!("connected {is_connected}"));
    }
}

struct Server(tokio::net::TcpListener);

type Peer = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

impl Server {
    async fn accept(&self) -> Peer {
        let (stream, _) = self.0.accept().await.unwrap();
        tokio_tungstenite::accept_async(stream).await.unwrap()
    }
}

async fn say(peer: &mut Peer, messages: &[ToProxy]) {
    for message in messages {
        let text = serde_json::to_string(message).unwrap();
        peer.send(Message::text(text)).await.unwrap();
    }
}

async fn hear(peer: &mut Peer) -> FromProxy {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(10), peer.next())
            .await
            .unwrap();
        if let Message::Text(text) = frame.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test]
async fn a_session_obeys_its_server_and_after_a_break_begins_anew() {
    let server = Server(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let config = SessionConfig {
        server: format!("http://{}", server.0.local_addr().unwrap()),
        key_pair: KeyPair {
            access_key_id: "OPERATOR".to_owned(),
            secret: auth::Secret::new("secret"),
        },
        region: "us-east-1".to_owned(),
        name: "edge".to_owned(),
        boot: "boot".to_owned(),
        version: "0.1.0".to_owned(),
        metrics_address: None,
        balancers: vec!["front".to_owned()],
        kept: None,
        silence: Duration::from_secs(10),
    };
    let (told, outbox) = (Arc::new(Told::default()), Outbox::default());
    let (health, reports) = tokio::sync::mpsc::unbounded_channel();
    let clock = Arc::new(kit::SystemClock);
    let session = Session::new(
        config,
        told.clone(),
        outbox.clone(),
        reports,
        clock,
        Random::seeded(1),
    );
    let shutdown = Shutdown::new();
    let running = tokio::spawn(session.run(shutdown.clone()));

    let mut peer = server.accept().await;
    let FromProxy::Hello { name, balancers, .. } = hear(&mut peer).await else {
        panic!("the first message is no Hello");
    };
    assert_eq!(
        (name.as_str(), &balancers[..]),
        ("edge", &["front".to_owned()][..])
    );
    let checks = ToProxy::Checks {
        target_groups: vec!["arn:group".to_owned()],
    };
    let front = ToProxy::Balancer {
        balancer: Box::new(balancer("front", 1)),
    };
    say(&mut peer, &[front, ToProxy::Synced, checks]).await;
    outbox.applied("arn:front", 1, Vec::new());
    assert!(matches!(
        hear(&mut peer).await,
        FromProxy::Applied { revision: 1, .. }
    ));
    let report = FromProxy::Health {
        target_group: "arn:group".to_owned(),
        targets: Vec::new(),
    };
    health.send(report.clone()).unwrap();
    assert_eq!(hear(&mut peer).await, report);
    drop(peer);

    let mut peer = server.accept().await;
    assert!(matches!(hear(&mut peer).await, FromProxy::Hello { .. }));
    assert!(
        matches!(hear(&mut peer).await, FromProxy::Applied { revision: 1, .. }),
        "told anew"
    );
    say(&mut peer, &[ToProxy::Synced]).await;
    // What was synced away is not told of any more.
    outbox.metrics(Vec::new());
    assert!(matches!(
        hear(&mut peer).await,
        FromProxy::Metrics { sequence: 1, .. }
    ));
    drop(peer);
    let mut peer = server.accept().await;
    assert!(matches!(hear(&mut peer).await, FromProxy::Hello { .. }));
    assert!(matches!(
        hear(&mut peer).await,
        FromProxy::Metrics { sequence: 1, .. }
    ));
    shutdown.request();
    running.await.unwrap();
    let told = told.0.lock().join(", ");
    assert!(
        told.starts_with(
            "connected true, arn:front at 1, only arn:front, check arn:group, connected false, connected true, only "
        ),
        "{told}"
    );
}
