//! The whole control plane in this process, on a port of its own: served, killed and started again like a process.

use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use anyhow::{Context as _, Result};
use auth::{KeyPair, MasterKey, Secret};
use berth::control_plane::{ControlPlane as Assembly, ControlPlaneConfig};
use chrono::TimeDelta;
use kit::{Failure, Shutdown, Tasks};
use reconcilers::ReconcilerConfig;
use sqlx::postgres::PgConnectOptions;
use store::Db;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Semaphore};

use crate::{Client, TestClock};

const CONNECTIONS: u32 = 12;
/// Threads of one server.
const THREADS: usize = 2;
/// How long the threads of a killed server may take to end.
const LAST_BREATH: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(10);
/// All servers of a test share it, as those of one installation do.
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What differs between tests. The default has short times.
#[derive(Debug, Clone)]
pub struct Settings {
    pub host_loss_after: TimeDelta,
    pub service_healthy_after: TimeDelta,
    /// Time between two looks at services where something is under way.
    pub unsettled_period: Duration,
    pub allow_reset: bool,
    pub clock: TestClock,
}

impl Default for Settings {
    /// Hosts are lost after 2 s, tasks are healthy after 150 ms.
    fn default() -> Self {
        Self {
            host_loss_after: TimeDelta::seconds(2),
            service_healthy_after: TimeDelta::milliseconds(150),
            unsettled_period: Duration::from_millis(250),
            allow_reset: false,
            clock: TestClock::default(),
        }
    }
}

/// The operator's keys of all control planes in tests.
pub fn key_pair() -> KeyPair {
    KeyPair {
        access_key_id: "AKIATESTCONTROLPLANE".to_owned(),
        secret: Secret::new("the-operators-secret-of-the-tests"),
    }
}

/// One server. Its address and database stay the same over its lives.
pub struct ControlPlane {
    address: SocketAddr,
    database: PgConnectOptions,
    settings: Settings,
    life: Mutex<Option<Life>>,
}

/// A running server: everything that it spawned lives on a runtime of its own, so that all of it can end at once.
struct Life {
    runtime: Runtime,
    tasks: Tasks,
}

impl ControlPlane {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(database: PgConnectOptions, settings: Settings) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, life) = Life::begin(any, database.clone(), settings.clone())
            .await
            .expect("the server starts");
        Self {
            address,
            database,
            settings,
            life: Mutex::new(Some(life)),
        }
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn clock(&self) -> &TestClock {
        &self.settings.clock
    }

    /// A client with the operator's keys, in us-east-1.
    pub fn client(&self) -> Client {
        Client::new(self.url(), key_pair(), "us-east-1", self.settings.clock.clone())
    }

    /// Ends the server where it stands, as `kill -9` does: connections break, transactions are left open, nobody is told.
    pub async fn kill(&self) {
        let Some(life) = self.life.lock().await.take() else {
            return;
        };
        // Waits for what is just being executed; nothing is polled again.
        let ended = tokio::task::spawn_blocking(move || life.runtime.shutdown_timeout(LAST_BREATH));
        ended.await.expect("the server's threads end");
    }

    /// Stops the server in an orderly way, as SIGTERM does. Gives the names of what did not end in time.
    pub async fn stop(&self) -> Vec<String> {
        let Some(life) = self.life.lock().await.take() else {
            return Vec::new();
        };
        let tasks = life.tasks.clone();
        let drained = life.runtime.spawn(async move { tasks.drain(DRAIN).await }).await;
        let ended = tokio::task::spawn_blocking(move || life.runtime.shutdown_timeout(LAST_BREATH));
        ended.await.expect("the server's threads end");
        drained
            .map(|drained| drained.dropped)
            .expect("the drain does not panic")
    }

    /// Lets the server stand still for a while, as SIGSTOP and SIGCONT do: its connections stay, nothing in it goes on.
    ///
    /// # Panics
    /// When the server is not running.
    pub async fn freeze(&self, period: Duration) {
        let thawed = {
            let life = self.life.lock().await;
            let life = life.as_ref().expect("the server runs");
            // Each holds one of the server's threads, and begins when all are held.
            let (held, thawed) = (Arc::new(Barrier::new(THREADS)), Arc::new(Semaphore::new(0)));
            for _ in 0..THREADS {
                let (held, thawed) = (held.clone(), thawed.clone());
                life.runtime.spawn(async move {
                    held.wait();
                    std::thread::sleep(period);
                    thawed.add_permits(1);
                });
            }
            thawed
        };
        let _ = thawed.acquire_many(THREADS as u32).await;
    }

    /// Starts the server again after it was killed or stopped, at the same address and on the same database.
    ///
    /// # Errors
    /// When it does not start, such as while there is no database.
    pub async fn start_again(&self) -> Result<()> {
        let mut life = self.life.lock().await;
        if life.is_none() {
            let (_, begun) = Life::begin(self.address, self.database.clone(), self.settings.clone()).await?;
            *life = Some(begun);
        }
        Ok(())
    }

    /// The first loop that broke in this life of the server: a bug.
    pub async fn failure(&self) -> Option<Failure> {
        self.life
            .lock()
            .await
            .as_ref()
            .and_then(|life| life.tasks.failure())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(life) = self.life.get_mut().take() {
            life.runtime.shutdown_background();
        }
    }
}

impl Life {
    async fn begin(
        address: SocketAddr,
        database: PgConnectOptions,
        settings: Settings,
    ) -> Result<(SocketAddr, Self)> {
        crate::log_if_asked();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let tasks = Tasks::new(Shutdown::new());
        let served = runtime
            .spawn(serve(address, database, settings, tasks.clone()))
            .await;
        match served.context("the server's start panicked").flatten() {
            Ok(address) => Ok((address, Self { runtime, tasks })),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }
}

async fn serve(
    address: SocketAddr,
    database: PgConnectOptions,
    settings: Settings,
    tasks: Tasks,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let db = Db::connect(database, CONNECTIONS).await?;
    let config = ControlPlaneConfig {
        advertise_url: None,
        account: "000000000000".parse()?,
        region: "us-east-1".parse()?,
        regions: None,
        key_pair: key_pair(),
        master_key: MasterKey::parse(MASTER_KEY)?,
        allow_reset: settings.allow_reset,
        objects: None,
        reconcilers: ReconcilerConfig {
            host_loss_after: settings.host_loss_after,
            service_healthy_after: settings.service_healthy_after,
            unsettled_period: settings.unsettled_period,
            host_period: Duration::from_millis(200),
            ..ReconcilerConfig::default()
        },
    };
    let started = Assembly::start(db, listener, config, Arc::new(settings.clock), &tasks).await?;
    Ok(started.address)
}
