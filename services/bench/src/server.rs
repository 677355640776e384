//! The release binary under test, with a PostgreSQL of its own that flushes what it commits.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::{KeyPair, Secret};
use berth::postgres::PrivatePostgres;

use crate::client::Client;

/// A folder for everything of this run.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("berth-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        // The private PostgreSQL is another user, who has to pass through.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Its key pair.
pub fn key_pair() -> KeyPair {
    KeyPair {
        access_key_id: "AKIABENCH00000000000".to_owned(),
        secret: Secret::new("a-secret-of-the-benchmark"),
    }
}

/// A running `berth` process, killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a role of the binary.
    pub fn start(binary: &Path, role: &str, flags: &[&str], log: &Path) -> anyhow::Result<Self> {
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        let pair = key_pair();
        let child = Command::new(binary)
            .arg(role)
            .args(flags)
            .args([
                "--access-key-id",
                &pair.access_key_id,
                "--secret-access-key",
                pair.secret.expose(),
            ])
            .env("BERTH_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self { child })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Asks it to drain and waits.
    pub fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `berth server` over a private PostgreSQL.
pub struct Server {
    pub process: Process,
    pub client: Client,
    pub url: String,
    pub database_url: String,
    postgres: PrivatePostgres,
}

impl Server {
    pub async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let search_path = std::env::var("PATH").ok();
        std::fs::create_dir_all(folder)?;
        let postgres = PrivatePostgres::start(folder, search_path.as_deref()).await?;
        let database_url = postgres.url();
        let listen = format!("127.0.0.1:{}", free_port()?);
        let data = folder.join("server");
        let flags = [
            "--listen",
            &listen,
            "--database-url",
            &database_url,
            "--data-dir",
            &data.display().to_string(),
        ];
        let process = Process::start(binary, "server", &flags, &folder.join("server.log"))?;
        let url = format!("http://{listen}");
        let client = Client::new(&url, &key_pair());
        until_ready(&client).await?;
        Ok(Self {
            process,
            client,
            url,
            database_url,
            postgres,
        })
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop();
        Ok(self.postgres.stop().await?)
    }
}

/// A port that is free right now.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port())
}

/// Waits until the server answers a signed call.
pub async fn until_ready(client: &Client) -> anyhow::Result<()> {
    for _ in 0..600 {
        if client.call("ListClusters", serde_json::json!({})).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the server was not ready within a minute")
}
