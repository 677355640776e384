//! A server's proxy side, and proxies to talk to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth::{
    Credentials, KeyRecord, KeyStatus, Keys, KeysError, MasterKey, Secret, Signer, Vault, Verifier,
    VerifierSettings,
};
use futures::{SinkExt, StreamExt};
use kit::{Random, Shutdown, SystemClock, Tasks};
use proxy_gateway::overview::Overview;
use proxy_gateway::{ProxyGateway, Settings};
use routing::message::{FromProxy, ToProxy};
use store::Db;
use test_support::TestDb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const OPERATOR: &str = "000000000000";
pub const TENANT: &str = "111111111111";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Key ids tell who they are of: `OPERATOR`, `OPERATORSUSER`, `TENANT`.
struct SomeKeys;

#[async_trait]
impl Keys for SomeKeys {
    async fn find(&self, id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError> {
        let (account, principal) = match id {
            "OPERATOR" => (OPERATOR, "root"),
            "OPERATORSUSER" => (OPERATOR, "user/alice"),
            "TENANT" => (TENANT, "root"),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(KeyRecord {
            access_key_id: id.to_owned(),
            account: account.parse().unwrap(),
            principal_arn: format!("arn:aws:iam::{account}:{principal}"),
            user_id: account.to_owned(),
            secret: Secret::new(SECRET),
            status: KeyStatus::Active,
            session_token: None,
            expires_at: None,
        })))
    }
}

/// One database and its servers.
pub struct World {
    test_db: TestDb,
    pub db: Db,
    pub vault: Arc<Vault>,
    pub server: Server,
}

/// One of several servers.
pub struct Server {
    pub address: SocketAddr,
    tasks: Tasks,
}

impl World {
    pub async fn new() -> Self {
        let test_db = TestDb::new().await;
        let key = MasterKey::parse(MASTER_KEY).unwrap();
        let vault = Arc::new(Vault::new(&key, Random::from_os()));
        let db = test_db.db();
        let server = Server::start(db.clone(), vault.clone()).await;
        Self {
            test_db,
            db,
            vault,
            server,
        }
    }

    /// Another server on the same database.
    pub async fn second_server(&self) -> Server {
        let db = Db::connect(self.test_db.options(), 8).await.unwrap();
        Server::start(db, self.vault.clone()).await
    }

    pub async fn proxy(&self, name: &str) -> Proxy {
        self.server.proxy(name, &[]).await
    }

    /// What `berth lb` gets with this key.
    pub async fn overview(&self, key: &str) -> Overview {
        let (status, body) = self.server.get("/_berth/load-balancers", key).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Server {
    async fn start(db: Db, vault: Arc<Vault>) -> Self {
        let tasks = Tasks::new(Shutdown::new());
        let verifier = Arc::new(Verifier::new(Arc::new(SomeKeys), VerifierSettings::default()));
        let (pool, shutdown) = (db.pool().clone(), tasks.shutdown().clone());
        tasks.spawn(
            "out",
            db.wakes().clone().run_sender(pool.clone(), shutdown.clone()),
        );
        tasks.spawn("in", db.wakes().clone().run_receiver(pool, shutdown));
        let settings = Settings {
            silence: Duration::from_secs(2),
            sweep: Duration::from_millis(300),
            ..Settings::new(OPERATOR.parse().unwrap())
        };
        let gateway = ProxyGateway::start(db, verifier, vault, Arc::new(SystemClock), settings, &tasks);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tasks.spawn_job(
            "http",
            async move { axum::serve(listener, gateway.router()).await },
        );
        Self { address, tasks }
    }

    /// A connected proxy that has said who it is.
    pub async fn proxy(&self, name: &str, balancers: &[&str]) -> Proxy {
        let socket = self.dial("OPERATOR", SECRET).await.unwrap();
        let mut proxy = Proxy {
            socket,
            has: HashMap::new(),
            checks: None,
            closed: None,
        };
        proxy
            .send(&FromProxy::Hello {
                name: name.to_owned(),
                boot: format!("boot of {name}"),
                version: "0.1.0".to_owned(),
                metrics_address: None,
                balancers: balancers.iter().map(|name| (*name).to_owned()).collect(),
            })
            .await;
        proxy
    }

    /// Opens a websocket, or gives the status of the refusal.
    pub async fn dial(&self, key: &str, secret: &str) -> Result<Socket, u16> {
        let url = format!("ws://{}/_berth/proxy", self.address);
        let (mut parts, ()) = url.into_client_request().unwrap().into_parts();
        sign(&mut parts, key, secret);
        match connect_async(http::Request::from_parts(parts, ())).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Status and body of a signed request.
    pub async fn get(&self, path: &str, key: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let (mut parts, ()) = http::Request::get(url).body(()).unwrap().into_parts();
        sign(&mut parts, key, SECRET);
        let headers = parts.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
            .collect();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.shutdown().request();
    }
}

fn sign(parts: &mut http::request::Parts, key: &str, secret: &str) {
    let credentials = Credentials {
        access_key_id: key.to_owned(),
        secret: Secret::new(secret),
        session_token: None,
    };
    Signer::new(credentials, "us-east-1", "elasticloadbalancing")
        .sign(parts, b"", chrono::Utc::now())
        .unwrap();
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A proxy as the server sees it.
pub struct Proxy {
    socket: Socket,
    /// Last revision by ARN.
    pub has: HashMap<String, i64>,
    pub checks: Option<Vec<String>>,
    /// The code with which the server closed the connection.
    pub closed: Option<u16>,
}

impl Proxy {
    pub async fn send(&mut self, message: &FromProxy) {
        let text = serde_json::to_string(message).unwrap();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Says goodbye, as one that shuts down.
    pub async fn leave(mut self) {
        self.socket.close(None).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Whatever the proxy said has been written down when this ends.
    pub async fn taken_in(&mut self, sequence: u64) {
        let minutes = Vec::new();
        self.send(&FromProxy::Metrics { sequence, minutes }).await;
        self.until(|message| (*message == ToProxy::Acknowledged { sequence }).then_some(()))
            .await;
    }

    /// The next message; `None` once the connection is over.
    pub async fn next(&mut self) -> Option<ToProxy> {
        loop {
            let frame = timeout(PATIENCE, self.socket.next())
                .await
                .expect("a message within the time of a test");
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message: ToProxy = serde_json::from_str(&text).unwrap();
                    self.note(&message);
                    return Some(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    self.closed = frame.map(|frame| frame.code.into());
                    return None;
                }
                Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    fn note(&mut self, message: &ToProxy) {
        let mut has = |arn: &str, revision: i64| {
            let before = self.has.insert(arn.to_owned(), revision);
            assert!(before != Some(revision), "{arn} comes again");
        };
        match message {
            ToProxy::Balancer { balancer } => has(&balancer.arn, balancer.revision),
            ToProxy::TargetGroup { target_group } => has(&target_group.arn, target_group.revision),
            ToProxy::Certificate { certificate } => has(&certificate.arn, certificate.revision),
            ToProxy::Gone { arns } => self.has.retain(|arn, _| !arns.contains(arn)),
            ToProxy::Checks { target_groups } => self.checks = Some(target_groups.clone()),
            ToProxy::Synced | ToProxy::Acknowledged { .. } => {}
        }
    }

    /// Reads on until `found` gives something of a message.
    pub async fn until<T>(&mut self, mut found: impl FnMut(&ToProxy) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the connection lasts");
            if let Some(found) = found(&message) {
                return found;
            }
        }
    }

    /// Reads until everything has come.
    pub async fn synced(&mut self) -> Vec<ToProxy> {
        let mut all = Vec::new();
        self.until(|message| {
            all.push(message.clone());
            (*message == ToProxy::Synced).then_some(())
        })
        .await;
        all
    }

    /// Reads until the proxy is told to check exactly these groups.
    pub async fn checking(&mut self, groups: &[&str]) {
        while self.checks.as_ref().is_none_or(|checks| *checks != groups) {
            self.next().await.expect("the connection lasts");
        }
    }
}

/// Looks until `probe` gives what is wanted.
pub async fn eventually<T: std::fmt::Debug>(
    mut probe: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = probe().await;
        if wanted(&value) {
            return value;
        }
        assert!(Instant::now() < deadline, "still {value:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
