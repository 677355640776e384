//! A proxy on a loopback address of its own, targets that answer as a test says, and clients that see every octet.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use kit::{Random, Shutdown, SystemClock, Tasks};
use load_balancer::plane::{Events, Limits};
use load_balancer::proxy::{Proxy, ProxyConfig};
use load_balancer::record::{ConnectionEvent, Observer, Record};
use load_balancer::session::Served;
use routing::action::FixedResponse;
use routing::cidr::Cidr;
use routing::health::{CheckProtocol, Matcher};
use routing::message::ListenerStatus;
use routing::snapshot::{ListenerProtocol, ProtocolVersion, TargetProtocol};
use routing::{
    Action, Balancer, BalancerAttributes, Forward, ForwardGroup, Health, HealthCheck, HealthState, Kind,
    Listener, ListenerAttributes, Target, TargetGroup, TargetGroupAttributes,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const PORT: u16 = 8080;
/// Longer than anything takes that works.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An address that no other test of this or another process uses.
pub fn own_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    IpAddr::V4(Ipv4Addr::new(
        127,
        32 + (pid % 200) as u8,
        (pid / 200 % 250) as u8 ^ (next / 250) as u8,
        (next % 250) as u8 + 1,
    ))
}

/// A finished request as a test looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub elb_status: Option<u16>,
    pub target_status: Option<u16>,
    pub target: Option<SocketAddr>,
    pub url: String,
    pub priority: Option<u32>,
    pub classification_reason: Option<&'static str>,
    pub timed: bool,
    pub sent: u64,
}

/// Notes what the proxy tells.
#[derive(Default)]
pub struct Notes {
    pub requests: Mutex<Vec<Seen>>,
    pub wakes: Mutex<Vec<String>>,
    pub statuses: Mutex<Vec<(String, i64, Vec<ListenerStatus>)>>,
    changed: watch::Sender<()>,
}

impl Notes {
    /// Waits until `find` finds something.
    pub async fn wait<T>(&self, find: impl Fn(&Self) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let found = async {
            loop {
                if let Some(found) = find(self) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .expect("what is waited for happens")
    }

    pub async fn request(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        self.wait(|notes| {
            notes
                .requests
                .lock()
                .unwrap()
                .iter()
                .find(|seen| wanted(seen))
                .cloned()
        })
        .await
    }
}

impl Observer for Notes {
    fn request(&self, record: &Record<'_>) {
        self.requests.lock().unwrap().push(Seen {
            elb_status: record.elb_status,
            target_status: record.target_status,
            target: record.target.and_then(|target| target.address),
            url: record.url.to_owned(),
            priority: record.rule_priority,
            classification_reason: record.classification_reason,
            timed: record.request_processing.is_some()
                && record.target_processing.is_some()
                && record.response_processing.is_some(),
            sent: record.sent_bytes,
        });
        self.changed.send_replace(());
    }

    fn connection(&self, _event: ConnectionEvent<'_>) {}
}

impl Events for Notes {
    fn applied(&self, balancer: &str, revision: i64, listeners: Vec<ListenerStatus>) {
        self.statuses
            .lock()
            .unwrap()
            .push((balancer.to_owned(), revision, listeners));
        self.changed.send_replace(());
    }

    fn wake(&self, target_group: &str) {
        self.wakes.lock().unwrap().push(target_group.to_owned());
        self.changed.send_replace(());
    }
}

/// A running proxy.
pub struct Rig {
    pub proxy: Proxy,
    pub notes: Arc<Notes>,
    pub address: SocketAddr,
    pub tasks: Tasks,
}

impl Rig {
    pub fn new() -> Self {
        Self::at(own_address(), None)
    }

    pub fn at(address: IpAddr, handover: Option<PathBuf>) -> Self {
        Self::on(format!("{address}/32").parse().unwrap(), handover)
    }

    /// A proxy on a block of addresses; `address` is that of the first balancer.
    pub fn on(block: Cidr, handover: Option<PathBuf>) -> Self {
        let address = block.nth(1);
        let notes = Arc::new(Notes::default());
        let tasks = Tasks::new(Shutdown::new());
        let config = ProxyConfig {
            addresses: vec![block],
            workers: 2,
            limits: Limits::default(),
            access_logs: None,
            handover,
        };
        let (proxy, _health) = Proxy::start_observed(
            config,
            &tasks,
            notes.clone(),
            Arc::new(SystemClock),
            Random::from_os(),
            vec![notes.clone()],
        )
        .unwrap();
        // A server is there, so that the proxy believes the states that tests tell it.
        proxy.connected(true);
        Self {
            proxy,
            notes,
            address: SocketAddr::new(address, PORT),
            tasks,
        }
    }

    /// A proxy whose only rule forwards to one group of `targets`.
    pub fn with_targets(targets: &[SocketAddr]) -> Self {
        let rig = Self::new();
        rig.proxy.set_target_group(group("tg", targets));
        rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
        rig
    }

    pub async fn connect(&self) -> Conn {
        Conn::open(self.address).await
    }

    /// One request on a connection of its own, as text without its framing.
    pub async fn get(&self, path: &str) -> Response {
        let mut conn = self.connect().await;
        conn.send(format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        ))
        .await;
        conn.response().await
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.tasks.shutdown().request();
    }
}

/// Raised with every value, so that the last one made wins.
pub fn revision() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub fn forward(groups: &[(&str, u32)]) -> Action {
    let group = |(name, weight): &(&str, u32)| ForwardGroup {
        target_group: (*name).to_owned(),
        weight: *weight,
    };
    Action::Forward(Forward {
        groups: groups.iter().map(group).collect(),
        group_stickiness_seconds: None,
    })
}

pub fn fixed(status: u16, body: &str) -> Action {
    Action::FixedResponse(FixedResponse {
        status,
        content_type: Some("text/plain".to_owned()),
        body: body.to_owned(),
    })
}

pub fn balancer(default_actions: Vec<Action>) -> Balancer {
    Balancer {
        arn: "lb".to_owned(),
        name: "web".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-central-1".to_owned(),
        kind: Kind::Application,
        number: 1,
        revision: revision(),
        dns_name: "web-1.eu-central-1.elb.test".to_owned(),
        created_at: Utc::now(),
        attributes: BalancerAttributes::default(),
        listeners: vec![Listener {
            arn: "listener".to_owned(),
            port: PORT,
            protocol: ListenerProtocol::Http,
            tls: None,
            attributes: ListenerAttributes::default(),
            rules: Vec::new(),
            default_rule: "rule/default".to_owned(),
            default_actions,
        }],
    }
}

pub fn group(arn: &str, targets: &[SocketAddr]) -> TargetGroup {
    TargetGroup {
        arn: arn.to_owned(),
        name: arn.to_owned(),
        revision: revision(),
        protocol: TargetProtocol::Http,
        protocol_version: ProtocolVersion::Http1,
        health_check: HealthCheck {
            enabled: true,
            protocol: CheckProtocol::Http,
            port: None,
            path: "/".to_owned(),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::HttpCodes(vec![200..=200]),
        },
        attributes: TargetGroupAttributes::default(),
        targets: targets
            .iter()
            .map(|address| target(*address, HealthState::Healthy))
            .collect(),
        wake: None,
    }
}

pub fn target(address: SocketAddr, state: HealthState) -> Target {
    Target {
        id: address.ip().to_string(),
        port: address.port(),
        address: Some(address.ip()),
        registered_at: Utc::now(),
        draining_until: None,
        health: Health {
            state,
            reason: None,
            description: None,
        },
        healthy_since: None,
    }
}

/// A request as a target got it.
#[derive(Debug, Clone)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A target whose connections `serve` speaks on.
pub async fn raw_target<F, S>(serve: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(Conn) -> F + Send + 'static,
{
    let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(Conn::over(stream)));
        }
    });
    address
}

/// A target that answers each request with what `answer` gives, octet by octet.
pub async fn answering(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> SocketAddr {
    let answer = Arc::new(answer);
    raw_target(move |mut conn| {
        let answer = answer.clone();
        async move {
            while let Some(request) = conn.request().await {
                conn.send(answer(&request)).await;
            }
        }
    })
    .await
}

/// A target that answers 200 with its name.
pub async fn named(name: &'static str) -> SocketAddr {
    answering(move |_| ok(name)).await
}

/// A target that answers with the head and body that it got.
pub async fn mirror() -> SocketAddr {
    answering(|request| {
        ok(&format!(
            "{}{}",
            request.head,
            String::from_utf8_lossy(&request.body)
        ))
    })
    .await
}

pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Where nobody listens.
pub async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
    listener.local_addr().unwrap()
}

/// A connection on which everything is octets.
pub struct Conn {
    pub stream: TcpStream,
    pub input: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Values of Set-Cookie, up to their attributes.
    pub fn cookies(&self) -> Vec<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.trim().split(';').next().unwrap_or_default().to_owned())
            .collect()
    }
}

impl Conn {
    pub async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            input: Vec::new(),
        }
    }

    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        // A peer that has gone shows on what is read.
        let _ = self.stream.write_all(text.as_ref()).await;
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer))
            .await
            .expect("something comes");
        let read = read.unwrap_or(0);
        self.input.extend_from_slice(&buffer[..read]);
        read > 0
    }

    /// What comes up to and with `mark`; none if the connection ends before.
    pub async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.input.windows(mark.len()).position(|window| window == mark) {
                return Some(self.input.drain(..at + mark.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.input.len() < length {
            assert!(self.fill().await, "the connection ended in the middle of a body");
        }
        self.input.drain(..length).collect()
    }

    /// Whether the peer ends the connection without another word.
    pub async fn is_closed(&mut self) -> bool {
        self.input.is_empty() && !self.fill().await
    }

    pub async fn request(&mut self) -> Option<Request> {
        let head = String::from_utf8(self.until(b"\r\n\r\n").await?).unwrap();
        let body = self.body(&head, false).await;
        Some(Request { head, body })
    }

    pub async fn response(&mut self) -> Response {
        self.response_to("GET").await
    }

    pub async fn response_to(&mut self, method: &str) -> Response {
        let head = self.until(b"\r\n\r\n").await.expect("a response");
        let head = String::from_utf8(head).unwrap();
        let status = head
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .expect("a status line");
        let bodiless = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
        let body = if bodiless {
            Vec::new()
        } else {
            self.body(&head, true).await
        };
        Response { status, head, body }
    }

    async fn body(&mut self, head: &str, may_end_by_close: bool) -> Vec<u8> {
        if header(head, "transfer-encoding").is_some() {
            let mut body = Vec::new();
            loop {
                let size = self.until(b"\r\n").await.expect("a chunk");
                let size = std::str::from_utf8(&size).unwrap().trim();
                let size = usize::from_str_radix(size, 16).expect("a chunk's size");
                if size == 0 {
                    loop {
                        let line = self.until(b"\r\n").await.expect("the end of the trailers");
                        if line == b"\r\n" {
                            return body;
                        }
                        body.extend(line);
                    }
                }
                body.extend(self.exactly(size).await);
                assert_eq!(self.exactly(2).await, b"\r\n");
            }
        }
        match header(head, "content-length") {
            Some(length) => self.exactly(length.parse().unwrap()).await,
            None if may_end_by_close => {
                while self.fill().await {}
                std::mem::take(&mut self.input)
            }
            None => Vec::new(),
        }
    }
}
