//! An ACME directory, and a name server and a balancer for it to ask.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use routing::rule::Patterns;
use routing::{Action, Condition};
use serde_json::json;
use store::Db;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Waits until something is so. An order takes some looks of the directory and of ours.
pub async fn until(what: &str, mut probe: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !probe().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not within a minute: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub struct Directory {
    process: Child,
    folder: PathBuf,
    port: u16,
    answering: Arc<AtomicBool>,
}

impl Directory {
    /// Starts `pebble`, whose every name leads to a balancer that serves what the database has for proxies.
    pub async fn start(db: Db) -> Self {
        let folder = std::env::temp_dir().join(format!("berth-pebble-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("root.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        let answering = Arc::new(AtomicBool::new(true));
        let balancer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let http = balancer.local_addr().unwrap().port();
        tokio::spawn(serve(balancer, db, answering.clone()));
        let names = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let name_server = names.local_addr().unwrap();
        tokio::spawn(resolve(names));
        let (port, management) = (free_port(), free_port());
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("root.pem"), "privateKey": folder.join("key.pem"),
            "httpPort": http, "tlsPort": http, "ocspResponderURL": "", "externalAccountBindingRequired": false,
        }});
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        let process = Command::new("pebble")
            .args(["-config".as_ref(), folder.join("config.json").as_os_str()])
            .args(["-dnsserver", &name_server.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`pebble` is installed (apt-get install pebble)");
        let directory = Self {
            process,
            folder,
            port,
            answering,
        };
        until("pebble listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        directory
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Whether the balancer answers challenges.
    pub fn answer(&self, answering: bool) {
        self.answering.store(answering, Ordering::SeqCst);
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A balancer that only answers by fixed responses of rules on paths.
async fn serve(listener: TcpListener, db: Db, answering: Arc<AtomicBool>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (db, answering) = (db.clone(), answering.clone());
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            let _ = stream.read_line(&mut line).await;
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            while line.trim() != "" {
                line.clear();
                let _ = stream.read_line(&mut line).await;
            }
            let body = match answering.load(Ordering::SeqCst) {
                true => answer(&db, &path).await,
                false => None,
            };
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_default();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .get_mut()
                .write_all(format!("{head}{body}").as_bytes())
                .await;
        });
    }
}

async fn answer(db: &Db, path: &str) -> Option<String> {
    let arns: Vec<String> = sqlx::query_scalar("SELECT arn FROM load_balancers")
        .fetch_all(db.pool())
        .await
        .ok()?;
    let balancers = store::routes::balancers(db, &arns).await.ok()?;
    let wanted = Condition::PathPattern(Patterns {
        values: vec![path.to_owned()],
        regex_values: Vec::new(),
    });
    let served = balancers.iter().map(|balancer| balancer.without_secrets());
    let mut rules = served
        .flat_map(|balancer| balancer.listeners)
        .flat_map(|listener| listener.rules);
    let rule = rules.find(|rule| rule.conditions == [wanted.clone()])?;
    match rule.actions.into_iter().next()? {
        Action::FixedResponse(response) => Some(response.body),
        _ => None,
    }
}

/// A name server: every name is this machine.
async fn resolve(socket: UdpSocket) {
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question).await {
        if let Some(reply) = reply(&question[..length]) {
            let from: SocketAddr = from;
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

/// An address record for questions of that type, nothing for others.
fn reply(question: &[u8]) -> Option<Vec<u8>> {
    let name_ends = 12 + question.get(12..)?.iter().position(|byte| *byte == 0)?;
    let asked = question.get(..name_ends + 5)?;
    let is_address = asked.get(name_ends + 1..name_ends + 3)? == [0, 1];
    let mut reply = asked.to_vec();
    reply[2..4].copy_from_slice(&[0x81, 0x80]);
    reply[6..12].copy_from_slice(&[0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(reply)
}
