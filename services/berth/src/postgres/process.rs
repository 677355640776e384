//! The server's process, found by the file that it keeps, so that one left by a killed berth is found too.
//!
//! Only what every user may see under `/proc` is looked at: in a container root may not look at other users' processes
//! closely. That a new server never meets processes of an old one is PostgreSQL's own care (it tries their shared memory).

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::PostgresError;

/// How long a server may take to stop: first asked to be fast (it writes a checkpoint), then to drop everything, then killed.
const PATIENCE: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(60)),
    (Signal::SIGQUIT, Duration::from_secs(10)),
    (Signal::SIGKILL, Duration::from_secs(10)),
];

/// No process has this id; the kernel stops counting far below it.
const NOBODY: i32 = i32::MAX;

/// Whether the server with this process id says that it takes connections.
pub fn is_ready(data: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Stops the server that runs on `data`, if one does. To be called by the holder of the lock only.
///
/// # Errors
/// When it does not stop, even when killed.
pub async fn stop(data: &Path) -> Result<(), PostgresError> {
    let Some(server) = named_process(data) else {
        return Ok(());
    };
    if !runs_on(server, data) {
        let alive = Path::new(&format!("/proc/{server}")).exists();
        return if alive { disown(data) } else { Ok(()) };
    }
    for (signal, patience) in PATIENCE {
        // It may have ended just now; then there is nothing to signal.
        let _ = kill(server, signal);
        if gone(server, data, patience).await {
            return Ok(());
        }
        warn!(?signal, folder = %data.display(), "PostgreSQL has not stopped yet");
    }
    Err(PostgresError::Immortal(data.to_owned()))
}

/// The process that the server's own file names.
fn named_process(data: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}

/// Whether this is a living PostgreSQL that was started on `data`. A dead one that was not reaped has no command line.
fn runs_on(pid: Pid, data: &Path) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0);
    words.next().is_some_and(|program| program.ends_with(b"postgres"))
        && words.any(|word| word == data.as_os_str().as_encoded_bytes())
}

async fn gone(server: Pid, data: &Path, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    while runs_on(server, data) {
        if Instant::now() >= end {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
    }
    true
}

/// A killed server's file may name a process id that another program got meanwhile; PostgreSQL would not start then. The rest
/// of the file stays: by it PostgreSQL finds out whether other processes of the killed server are left.
fn disown(data: &Path) -> Result<(), PostgresError> {
    let path = data.join("postmaster.pid");
    let failed = PostgresError::io("correcting what a killed server left", &path);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text,
    };
    let write = |text: String| {
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        std::fs::write(&path, format!("{NOBODY}\n{rest}"))
    };
    text.and_then(write).map_err(failed)
}
