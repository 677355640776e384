//! LB-38: files and lines as ELB writes them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use flate2::read::GzDecoder;
use kit::{Clock, ManualClock, Random, Shutdown, Tasks};
use load_balancer::access_log::AccessLog;
use load_balancer::l4::{End, FlowRecord, TlsSides};
use load_balancer::record::{Classification, ExecutedAction, Observer, Record, RequestKind, TlsFacts};
use load_balancer::state::{LiveListener, State};
use load_balancer::tls::{Handshake, Identity};
use routing::attributes::LogPlace;
use routing::snapshot::{ListenerProtocol, TargetProtocol};
use routing::{HealthState, Kind};

use crate::world::{GROUP, LISTENER, at, balancer, certificate, group, target, wait};

/// A directory that is gone with its test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("berth-access-log-{}", Random::from_os().hex32()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// All files below it.
    fn files(&self) -> Vec<PathBuf> {
        fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => collect(&entry.path(), files),
                    _ => files.push(entry.path()),
                }
            }
        }
        let mut files = Vec::new();
        collect(&self.0, &mut files);
        files
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

pub fn state() -> Arc<State> {
    let state = Arc::new(State::new());
    let mut config = balancer(Kind::Application, ListenerProtocol::Http, &[(GROUP, 1)]);
    config.attributes.access_logs = Some(LogPlace {
        bucket: "logs".into(),
        prefix: "web".into(),
    });
    state.set_balancer(config);
    let address = "10.0.0.1:80".parse().unwrap();
    state.set_target_group(group(
        GROUP,
        TargetProtocol::Http,
        vec![target(address, HealthState::Healthy)],
    ));
    state
}

/// The request of the example in ELB's documentation.
pub fn record(listener: &LiveListener) -> Record<'_> {
    Record {
        kind: RequestKind::Http,
        listener,
        rule_priority: Some(0),
        rules_evaluated: 1,
        client: "192.168.131.39:2817".parse().unwrap(),
        group: None,
        target: None,
        request_processing: None,
        target_processing: None,
        response_processing: None,
        elb_status: Some(503),
        target_status: None,
        received_bytes: 34,
        sent_bytes: 366,
        method: "GET",
        url: "http://www.example.com:80/",
        version: "HTTP/1.1",
        user_agent: Some("curl/7.46.0"),
        tls: None,
        trace_id: "Root=1-58337262-36d228ad5d99923122bbe354",
        created_at: at("2018-07-02T22:22:48.364Z"),
        took: Duration::from_micros(186_641),
        actions: &[ExecutedAction::Forward],
        redirect_url: None,
        error_reason: None,
        classification: Classification::Compliant,
        classification_reason: None,
    }
}

#[tokio::test]
async fn lb38_lines_stand_in_a_file_of_five_minutes_as_elb_writes_them() {
    let directory = Directory::new();
    let clock = ManualClock::new(at("2018-07-02T22:22:49Z"));
    let (log, writer) = AccessLog::new(
        directory.0.clone(),
        "127.0.0.1".parse().unwrap(),
        Arc::new(clock.clone()) as Arc<dyn Clock>,
        Random::seeded(7),
    );
    let state = state();
    let routes = state.routes();
    let listener = &routes.listeners[LISTENER];
    log.request(&record(listener));

    let group = state.group(GROUP).unwrap();
    let view = group.view_owned();
    let tls = TlsFacts {
        protocol: "TLSv1.2",
        cipher: "ECDHE-RSA-AES128-GCM-SHA256",
        server_name: Some("www.example.com".into()),
        certificate: Some("arn:aws:acm:eu-west-1:123456789012:certificate/1".into()),
        ..TlsFacts::default()
    };
    log.request(&Record {
        kind: RequestKind::H2,
        rule_priority: Some(10),
        group: Some(&group),
        target: Some(&view.targets[0]),
        request_processing: Some(Duration::ZERO),
        target_processing: Some(Duration::from_millis(1)),
        response_processing: Some(Duration::from_micros(600)),
        elb_status: Some(200),
        target_status: Some(200),
        user_agent: Some("a \"quoted\" agent"),
        tls: Some(&tls),
        actions: &[ExecutedAction::Authenticate, ExecutedAction::Forward],
        classification: Classification::Acceptable,
        classification_reason: Some("NonCompliantHeader"),
        ..record(listener)
    });
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("access logs", writer.run(tasks.shutdown().clone()));
    let is_whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "gz");
    wait("a file that is being written", || {
        (!directory.files().is_empty()).then_some(())
    })
    .await;
    assert!(
        !directory.files().iter().any(is_whole),
        "it stands under its name when it is whole"
    );

    clock.advance(TimeDelta::minutes(5));
    let path = wait("the whole file", || directory.files().into_iter().find(is_whole)).await;
    let name = path.strip_prefix(&directory.0).unwrap().to_str().unwrap();
    let (before, random) = name.rsplit_once('_').unwrap();
    assert_eq!(
        before,
        "logs/web/AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2018/07/02/\
         123456789012_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20180702T2225Z_127.0.0.1"
    );
    assert_eq!(random.len(), "20sg8hgm.log.gz".len());
    let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/73e2d6bc24d8a067";
    assert_eq!(
        read(&path),
        format!(
            "http 2018-07-02T22:22:48.550641Z app/web/50dc6c495c0c9188 192.168.131.39:2817 - -1 -1 -1 503 - 34 366 \
             \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - - \
             \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 2018-07-02T22:22:48.364000Z \"forward\" \"-\" \
             \"-\" \"-\" \"-\" \"-\" \"-\" -\n\
             h2 2018-07-02T22:22:48.550641Z app/web/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.001 \
             200 200 34 366 \"GET http://www.example.com:80/ HTTP/1.1\" \"a \\x22quoted\\x22 agent\" \
             ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 {group} \"Root=1-58337262-36d228ad5d99923122bbe354\" \
             \"www.example.com\" \"arn:aws:acm:eu-west-1:123456789012:certificate/1\" 10 \
             2018-07-02T22:22:48.364000Z \"authenticate,forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"Acceptable\" \
             \"NonCompliantHeader\" -\n"
        )
    );
    assert_eq!(
        tasks.drain(Duration::from_secs(5)).await.dropped,
        Vec::<String>::new()
    );
    assert_eq!(directory.files().len(), 1, "a period without lines has no file");
}

#[tokio::test]
async fn lb38_the_shutdown_writes_what_waits_and_closes_the_file() {
    let directory = Directory::new();
    let clock = Arc::new(ManualClock::default());
    let address = "127.0.0.1".parse().unwrap();
    let (log, writer) = AccessLog::new(directory.0.clone(), address, clock, Random::seeded(7));
    let state = state();
    let routes = state.routes();
    for _ in 0..20_000 {
        log.request(&record(&routes.listeners[LISTENER]));
    }
    assert!(log.dropped() > 0, "nobody waits for the writer");
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("access logs", writer.run(tasks.shutdown().clone()));
    tasks.drain(Duration::from_secs(10)).await;
    let [file] = directory.files().try_into().unwrap();
    assert_eq!(read(&file).lines().count() as u64 + log.dropped(), 20_000);
}

#[tokio::test]
async fn network_balancers_log_their_flows_of_tls() {
    let directory = Directory::new();
    let clock = Arc::new(ManualClock::new(at("2026-01-01T00:00:00Z")));
    let address = "127.0.0.1".parse().unwrap();
    let (log, writer) = AccessLog::new(directory.0.clone(), address, clock, Random::seeded(7));
    let state = State::new();
    let mut config = balancer(Kind::Network, ListenerProtocol::Tls, &[(GROUP, 1)]);
    config.attributes.access_logs = Some(LogPlace {
        bucket: "logs".into(),
        prefix: String::new(),
    });
    config.listeners[0].tls = Some(crate::tls::listener_tls(&[certificate("c", 1, &["a.test"])]));
    state.set_balancer(config);
    let routes = state.routes();
    let failed = FlowRecord {
        listener: &routes.listeners[LISTENER],
        group: None,
        target: None,
        client: "72.21.218.154:51341".parse().unwrap(),
        local: "172.100.100.185:443".parse().unwrap(),
        created_at: at("2018-12-20T02:59:30Z"),
        took: Duration::from_secs(10),
        received_bytes: 98,
        sent_bytes: 246,
        tls: None,
        end: End::HandshakeFailed,
    };
    log.flow(&failed);
    let facts = TlsFacts {
        protocol: "TLSv1.2",
        cipher: "ECDHE-RSA-AES128-GCM-SHA256",
        server_name: Some("a.test".into()),
        certificate: Some("arn:c".into()),
        ..TlsFacts::default()
    };
    let handshake = Handshake {
        named_group: Some("X25519".to_owned()),
        alpn: Some(b"h2".to_vec()),
        client_alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        identity: Arc::new(Identity::parse(&certificate("c", 1, &["a.test"])).unwrap()),
        client: None,
        took: Duration::from_millis(2),
    };
    let tls = TlsSides {
        facts: &facts,
        handshake: &handshake,
        target_alpn: None,
    };
    log.flow(&FlowRecord {
        tls: Some(tls),
        end: End::Finished,
        ..failed
    });
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("access logs", writer.run(tasks.shutdown().clone()));
    tasks.drain(Duration::from_secs(10)).await;
    let [file] = directory.files().try_into().unwrap();
    assert_eq!(
        read(&file),
        "tls 2.0 2018-12-20T02:59:40 app/web/50dc6c495c0c9188 aa11 72.21.218.154:51341 172.100.100.185:443 10000 - 98 \
         246 - - - - - - - - - - 2018-12-20T02:59:30\n\
         tls 2.0 2018-12-20T02:59:40 app/web/50dc6c495c0c9188 aa11 72.21.218.154:51341 172.100.100.185:443 10000 2 98 \
         246 - arn:c - ECDHE-RSA-AES128-GCM-SHA256 tlsv12 x25519 a.test h2 - \"h2\",\"http/1.1\" 2018-12-20T02:59:30\n"
    );
}
