//! The private PostgreSQL of `berth dev`: Debian's own server, run in the data folder by a user without rights, reachable by
//! nobody but us through a socket. It outlives us when we are killed; the next start stops it and goes on with the same data.

mod account;
mod binaries;
mod error;
mod initialize;
mod place;
mod process;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kit::{Backoff, Random, Shutdown};
use nix::fcntl::{Flock, FlockArg};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use account::Account;
use binaries::Binaries;
pub use error::PostgresError;
use place::Place;

/// How long a start may take; replaying the log of a long-running server after a power cut takes time.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long processes of a killed server may take to end.
const LEFTOVERS_LIMIT: Duration = Duration::from_secs(30);
/// How often a server that keeps dying is started before we give up.
const STARTS: u32 = 10;

/// A running private server. Nobody else can start one on the same data folder while this value lives.
pub struct PrivatePostgres {
    place: Place,
    binaries: Binaries,
    account: Account,
    child: Child,
    _lock: Flock<File>,
}

impl PrivatePostgres {
    /// Starts the server on `<data_dir>/postgres`, with a new database there if it is the first start. A server that an
    /// earlier, killed berth left behind is stopped before. `search_path` is the `PATH` to look for PostgreSQL in.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub async fn start(data_dir: &Path, search_path: Option<&str>) -> Result<Self, PostgresError> {
        let lock = lock(data_dir)?;
        let account = Account::for_data(&data_dir.join("postgres/data"))?;
        let place = Place::prepare(data_dir, &account)?;
        let binaries = binaries::find(search_path.unwrap_or_default(), &place.data)?;
        process::stop(&place.data).await?;
        if !place.data.exists() {
            info!(version = binaries.version, folder = %place.data.display(), "making a new database");
            initialize::run(&binaries, &place, &account).await?;
        }
        let child = bring_up(&binaries, &place, &account).await?;
        Ok(Self {
            place,
            binaries,
            account,
            child,
            _lock: lock,
        })
    }

    /// The address to connect to.
    pub fn url(&self) -> String {
        self.place.url()
    }

    /// Keeps the server running until `stop` is requested, then stops it. To be requested after everything that uses the
    /// database has drained.
    ///
    /// # Errors
    /// When it keeps dying, cannot be started again or does not stop.
    pub async fn supervise(mut self, stop: Shutdown) -> Result<(), PostgresError> {
        let kept = stop.unless_requested(self.keep_running()).await;
        self.stop().await?;
        kept.map_or(Ok(()), Err)
    }

    /// Stops the server: open transactions are rolled back, everything committed is on the disk.
    ///
    /// # Errors
    /// When it does not stop, even when killed.
    pub async fn stop(mut self) -> Result<(), PostgresError> {
        process::stop(&self.place.data).await?;
        let reaped = self.child.wait().await;
        self.place.leave();
        reaped
            .map(|_| ())
            .map_err(PostgresError::io("waiting for PostgreSQL", &self.place.data))
    }

    /// Starts the server again whenever it dies. Ends only when that is of no use.
    async fn keep_running(&mut self) -> PostgresError {
        let random = Random::from_os();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            let started = Instant::now();
            let status = self.child.wait().await;
            if started.elapsed() > Duration::from_secs(60) {
                backoff.reset();
            }
            warn!(?status, "PostgreSQL died, starting it again");
            // It may be killed while it starts, too.
            while let Err(error) = self.restart().await {
                if !matches!(error, PostgresError::Died { .. }) || backoff.failures() >= STARTS {
                    return error;
                }
                warn!(%error, "PostgreSQL did not start, trying again");
                sleep(backoff.next_delay(&random)).await;
            }
            if backoff.failures() >= STARTS {
                return PostgresError::KeepsDying {
                    log: self.place.log.clone(),
                };
            }
            sleep(backoff.next_delay(&random)).await;
        }
    }

    async fn restart(&mut self) -> Result<(), PostgresError> {
        process::stop(&self.place.data).await?;
        self.child = bring_up(&self.binaries, &self.place, &self.account).await?;
        Ok(())
    }
}

/// The lock goes with this process: the kernel releases it however we end.
fn lock(data_dir: &Path) -> Result<Flock<File>, PostgresError> {
    let path = data_dir.join("postgres.lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path);
    let file = file.map_err(PostgresError::io("opening the lock", &path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
        nix::errno::Errno::EWOULDBLOCK => PostgresError::InUse(data_dir.to_owned()),
        other => PostgresError::io("locking", &path)(other.into()),
    })
}

/// Starts the server. One that was killed leaves processes that notice it and end by themselves; until they have, a new server
/// refuses to start.
async fn bring_up(binaries: &Binaries, place: &Place, account: &Account) -> Result<Child, PostgresError> {
    let end = Instant::now() + LEFTOVERS_LIMIT;
    loop {
        match launch(binaries, place, account).await {
            Err(PostgresError::Died { last_words, .. })
                if last_words.contains("shared memory block") && Instant::now() < end =>
            {
                sleep(Duration::from_millis(20)).await;
            }
            launched => return launched,
        }
    }
}

async fn launch(binaries: &Binaries, place: &Place, account: &Account) -> Result<Child, PostgresError> {
    let log = place
        .open_log()
        .map_err(PostgresError::io("opening the log", &place.log))?;
    let errors = log
        .try_clone()
        .map_err(PostgresError::io("opening the log", &place.log))?;
    let mut command = Command::new(binaries.postgres());
    account.apply(&mut command);
    command.arg("-D").arg(&place.data);
    for setting in settings(place) {
        command.args(["-c", &setting]);
    }
    // A group of its own: a Ctrl-C in our terminal must not reach it before we have drained.
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    let mut child = command
        .spawn()
        .map_err(PostgresError::io("starting PostgreSQL", &binaries.postgres()))?;
    timeout(START_LIMIT, ready(&mut child, place))
        .await
        .map_err(|_| PostgresError::Slow {
            log: place.log.clone(),
        })
        .flatten()?;
    Ok(child)
}

async fn ready(child: &mut Child, place: &Place) -> Result<(), PostgresError> {
    let pid = child.id();
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(PostgresError::io("waiting for PostgreSQL", &place.data))?
        {
            return Err(PostgresError::Died {
                status,
                last_words: place.last_words(pid),
                log: place.log.clone(),
            });
        }
        if pid.is_some_and(|pid| process::is_ready(&place.data, pid)) {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// What differs from PostgreSQL's defaults. Durability is the default's: nothing is lost that was committed.
fn settings(place: &Place) -> Vec<String> {
    const FIXED: &[&str] = &[
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "max_connections=200",
        "shared_buffers=128MB",
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "wal_level=minimal",
        "max_wal_senders=0",
        "wal_compression=on",
        "max_wal_size=2GB",
        "checkpoint_timeout=15min",
        "random_page_cost=1.1",
        "jit=off",
        // Parallel queries need shared memory that small containers do not have, and ours are short.
        "max_parallel_workers_per_gather=0",
        "autovacuum_naptime=10s",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_checkpoints=off",
        "log_autovacuum_min_duration=-1",
    ];
    let place = [
        format!("port={}", place::PORT),
        format!("unix_socket_directories={}", place.socket_folder.display()),
    ];
    FIXED
        .iter()
        .map(|setting| (*setting).to_owned())
        .chain(place)
        .collect()
}

#[cfg(test)]
mod tests;
