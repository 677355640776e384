//! `berth proxy`: the load balancer's data plane on this machine.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auth::KeyPair;
use kit::{Clock, Random, SystemClock, Tasks};
use load_balancer::metrics;
use load_balancer::plane::Limits;
use load_balancer::proxy::{Proxy, ProxyConfig};
use load_balancer::session::{Outbox, Session, SessionConfig};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::{Config, ProxySettings};

/// Nothing heard from the server for so long: the connection is dead. It speaks every 3 s.
const SILENCE: Duration = Duration::from_secs(12);
/// Longest wait for the server before what an earlier process kept has to do.
const SYNC: Duration = Duration::from_secs(5);
/// The same if nothing was kept: a process before this one may serve more. It waits a little longer than that.
const SYNC_ALONE: Duration = Duration::from_secs(25);
/// Minutes of counts that wait to be put into the outbox.
const WAITING_MINUTES: usize = 16;

/// A proxy that is running.
pub struct RunningProxy {
    proxy: Proxy,
}

/// Starts the proxy under `tasks`: takes over from the process before, if there is one, serves what was kept, and joins `server`.
///
/// # Errors
/// When its folders, threads or the metrics address cannot be had.
pub async fn start(
    config: &Config,
    server: &str,
    key_pair: &KeyPair,
    tasks: &Tasks,
) -> anyhow::Result<RunningProxy> {
    let settings = &config.proxy;
    private_folder(&settings.state_dir)?;
    let metrics_listener = match settings.metrics_address {
        Some(address) => Some(metrics_listener(address).await?),
        None => None,
    };
    let (clock, random) = (Arc::new(SystemClock), Random::from_os());
    let outbox = Outbox::default();
    let (proxy, health) = Proxy::start(
        proxy_config(settings),
        tasks,
        Arc::new(outbox.clone()),
        clock.clone(),
        random.clone(),
    )
    .context("the proxy could not be started")?;
    let described = session_config(config, server, key_pair, metrics_listener.as_ref());
    let mut session = Session::new(
        described,
        Arc::new(proxy.clone()),
        outbox.clone(),
        health,
        clock.clone(),
        random,
    );
    let kept = session.restore().unwrap_or_else(|error| {
        tracing::warn!(%error, "what was kept cannot be used; the server has everything");
        Vec::new()
    });
    if !kept.is_empty() {
        tracing::info!(balancers = kept.len(), "serving what was kept");
    }
    let synced = session.synced();
    let patience = if kept.is_empty() { SYNC_ALONE } else { SYNC };
    tasks.spawn("proxy-session", session.run(tasks.shutdown().clone()));
    tasks.spawn(
        "proxy-succession",
        succeed(proxy.clone(), synced, patience, tasks.clone()),
    );
    count(&proxy, outbox, clock, tasks);
    if let Some(listener) = metrics_listener {
        let of_proxy = proxy.metrics().clone();
        tasks.spawn("proxy-metrics", metrics::serve(listener, of_proxy, tasks.clone()));
    }
    Ok(RunningProxy { proxy })
}

impl RunningProxy {
    /// Takes no more connections, and lets those that are open finish what they do for at most `deadline`.
    pub async fn drain(&self, deadline: Duration) {
        let cut_off = self.proxy.drain(deadline).await;
        if cut_off > 0 {
            tracing::warn!(connections = cut_off, "cut off at the end of the drain");
        }
    }
}

fn proxy_config(settings: &ProxySettings) -> ProxyConfig {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let log_address = settings.addresses.first().map(|block| block.nth(0));
    ProxyConfig {
        addresses: settings.addresses.clone(),
        workers: settings.threads.unwrap_or(cores),
        limits: Limits::default(),
        access_logs: log_address.map(|address| (settings.log_dir.clone(), address)),
        handover: Some(settings.state_dir.join("handover.sock")),
    }
}

fn session_config(
    config: &Config,
    server: &str,
    key_pair: &KeyPair,
    metrics_listener: Option<&TcpListener>,
) -> SessionConfig {
    let settings = &config.proxy;
    SessionConfig {
        server: server.to_owned(),
        key_pair: key_pair.clone(),
        region: config.region.to_string(),
        name: settings.name.clone().unwrap_or_else(machine_name),
        boot: Random::from_os().hex32(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        metrics_address: metrics_listener.and_then(|listener| listener.local_addr().ok()),
        balancers: settings.balancers.clone(),
        kept: Some(settings.state_dir.join("routes.json")),
        silence: SILENCE,
    }
}

fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "proxy".to_owned(),
        name => name.to_owned(),
    }
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| {
            format!(
                "the folder {} could not be made; choose another one with --state-dir",
                path.display()
            )
        })
}

async fn metrics_listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("metrics cannot be served on {address}; choose another --metrics-address"))
}

/// Counts go to the server by the minute.
fn count(proxy: &Proxy, outbox: Outbox, clock: Arc<dyn Clock>, tasks: &Tasks) {
    let (closed, mut minutes) = mpsc::channel(WAITING_MINUTES);
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(
        "proxy-minutes",
        proxy.metrics().clone().run(clock, closed, shutdown),
    );
    tasks.spawn_job("proxy-reports", async move {
        while let Some(minute) = minutes.recv().await {
            outbox.metrics(vec![minute]);
        }
    });
}

/// Relieves the process before once this one serves what it served, then waits for the one that comes after, for which this one goes.
async fn succeed(
    proxy: Proxy,
    mut synced: watch::Receiver<bool>,
    patience: Duration,
    tasks: Tasks,
) -> anyhow::Result<()> {
    let shutdown = tasks.shutdown();
    let in_sync = tokio::time::timeout(patience, synced.wait_for(|synced| *synced));
    if shutdown.unless_requested(in_sync).await.is_none() {
        return Ok(());
    }
    if let Err(error) = proxy.relieve().await {
        tracing::debug!(%error, "the process before this one ended by itself");
    }
    let taken_over = proxy
        .offer(shutdown)
        .await
        .context("no next process can take over: the unix socket for it could not be made")?;
    if taken_over {
        tracing::info!("the next process has taken over");
        shutdown.request();
    }
    Ok(())
}
