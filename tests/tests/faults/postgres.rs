//! A PostgreSQL that may be killed.

use std::path::PathBuf;

use berth::postgres::{PostgresError, PrivatePostgres};
use kit::Shutdown;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinHandle;

/// A PostgreSQL of this test's own, which may be killed and starts again by itself as under `berth dev`.
pub struct Postgres {
    folder: PathBuf,
    pub options: PgConnectOptions,
    stop: Shutdown,
    /// None once it was ended.
    supervised: Option<JoinHandle<Result<(), PostgresError>>>,
}

impl Postgres {
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!(
            "berth-faults-{}-{}",
            std::process::id(),
            uuid::Uuid::new_v4().simple()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let postgres = PrivatePostgres::start(&folder, search_path().as_deref())
            .await
            .unwrap();
        let options = postgres.url().parse().unwrap();
        let stop = Shutdown::new();
        let supervised = Some(tokio::spawn(keep_running(postgres, folder.clone(), stop.clone())));
        Self {
            folder,
            options,
            stop,
            supervised,
        }
    }

    /// The server's first process; none while it is starting.
    pub fn pid(&self) -> Option<Pid> {
        let file = std::fs::read_to_string(self.folder.join("postgres/data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok().map(Pid::from_raw)
    }

    pub fn kill(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Connections of the test's own.
    pub async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.options.clone()).await.unwrap()
    }

    pub async fn end(mut self) {
        self.stop.request();
        self.supervised.take().unwrap().await.unwrap().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn search_path() -> Option<String> {
    std::env::var("PATH").ok()
}

/// The supervisor gives up when it dies too often, for which there is a reason here; then whoever runs `berth dev` starts it again.
async fn keep_running(
    mut postgres: PrivatePostgres,
    folder: PathBuf,
    stop: Shutdown,
) -> Result<(), PostgresError> {
    while let Err(error) = postgres.supervise(stop.clone()).await {
        println!("{error}");
        postgres = PrivatePostgres::start(&folder, search_path().as_deref()).await?;
    }
    Ok(())
}

impl Drop for Postgres {
    /// Only when a test fails: it ends in an orderly way otherwise.
    fn drop(&mut self) {
        if let Some(supervised) = self.supervised.take() {
            supervised.abort();
            self.kill();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
