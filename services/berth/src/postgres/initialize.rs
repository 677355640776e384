//! Makes a new database cluster. It is there as a whole, or not at all.

use std::fs::{self, File};
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::PostgresError;
use super::account::Account;
use super::binaries::Binaries;
use super::place::{NAME, Place};

/// Makes the cluster beside its place and then moves it there, so that a start that is killed halfway leaves nothing to
/// stumble over.
pub async fn run(binaries: &Binaries, place: &Place, account: &Account) -> Result<(), PostgresError> {
    let draft = place.folder.join("data.new");
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(PostgresError::io("removing what a killed start left", &draft))?;
    }
    let mut initdb = Command::new(binaries.initdb());
    initdb.arg("-D").arg(&draft).args([
        "-U",
        NAME,
        "-E",
        "UTF8",
        "--locale=C",
        "--no-instructions",
        "--no-sync",
    ]);
    // Who can enter the socket's folder is let in; the network is not served at all.
    initdb.args(["--auth-local=trust", "--auth-host=reject"]);
    succeed("initdb", run_as(account, initdb, "").await?)?;

    let mut single = Command::new(binaries.postgres());
    single.args(["--single", "-F", "-D"]).arg(&draft).arg("postgres");
    succeed(
        "postgres --single",
        run_as(account, single, &format!("CREATE DATABASE {NAME}\n")).await?,
    )?;

    // Once for both, instead of once for each.
    let mut sync = Command::new(binaries.initdb());
    sync.arg("--sync-only").arg("-D").arg(&draft);
    succeed("initdb --sync-only", run_as(account, sync, "").await?)?;

    fs::rename(&draft, &place.data)
        .map_err(PostgresError::io("moving the new database to its place", &draft))?;
    let synced = File::open(&place.folder).and_then(|folder| folder.sync_all());
    synced.map_err(PostgresError::io("syncing the folder", &place.folder))
}

async fn run_as(account: &Account, mut command: Command, input: &str) -> Result<Output, PostgresError> {
    let failed = |error: std::io::Error| PostgresError::Initialize(error.to_string());
    account.apply(&mut command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(failed)?;
    }
    child.wait_with_output().await.map_err(failed)
}

/// `postgres --single` ends well whatever the statement did, so its words count too.
fn succeed(program: &str, output: Output) -> Result<(), PostgresError> {
    let words = String::from_utf8_lossy(&output.stderr);
    let grave = words.lines().find(|line| {
        ["ERROR:", "FATAL:", "PANIC:", "error:"]
            .iter()
            .any(|level| line.contains(level))
    });
    match grave {
        None if output.status.success() => Ok(()),
        grave => Err(PostgresError::Initialize(format!(
            "{program} ended with {}: {}",
            output.status,
            grave
                .or_else(|| words.lines().next_back())
                .unwrap_or("it said nothing")
        ))),
    }
}
