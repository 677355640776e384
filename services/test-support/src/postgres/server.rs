//! The PostgreSQL server that all tests of this work tree share: started by the first test that needs it, stopped by
//! `cargo run -p test-support --bin test-postgres stop`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{User, geteuid};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;

const SUPERUSER: &str = "postgres";
const PORT: u16 = 5432;
/// Durability is pointless here: a crash of the machine only costs test databases.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=1000",
    "shared_buffers=128MB",
    "max_wal_size=4GB",
    "listen_addresses=",
];

/// Where the server lives: a folder in /tmp named after the work tree and the user.
#[derive(Debug, Clone)]
pub struct Server {
    folder: PathBuf,
}

impl Server {
    /// The server of this work tree, whether it runs or not.
    pub fn here() -> Self {
        let tree = hex::encode(&Sha256::digest(env!("CARGO_MANIFEST_DIR"))[..4]);
        Self {
            folder: std::env::temp_dir().join(format!("berth-test-postgres-{}-{tree}", geteuid())),
        }
    }

    /// The server of this work tree, started if it does not run. Processes that come at the same time start one.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn running() -> Result<Self> {
        let server = Self::here();
        if !server.answers() {
            let _lock = server.lock()?;
            if !server.answers() {
                server.start()?;
            }
        }
        Ok(server)
    }

    /// Stops the server, if it runs, and removes all that belongs to it.
    ///
    /// # Errors
    /// When the server does not stop.
    pub fn stop() -> Result<()> {
        let server = Self::here();
        if !server.folder.exists() {
            return Ok(());
        }
        let _lock = server.lock()?;
        if server.data().join("postmaster.pid").exists() {
            server.run(
                server
                    .command("pg_ctl")?
                    .args(["-w", "-m", "immediate", "stop", "-D"])
                    .arg(server.data()),
            )?;
        }
        Ok(fs::remove_dir_all(&server.folder)?)
    }

    /// How to reach one of its databases as the superuser.
    pub fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(PORT)
            .username(SUPERUSER)
            .database(database)
    }

    /// The same as a URL for other processes.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}@localhost:{PORT}/{database}?host={}",
            self.folder.display()
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn answers(&self) -> bool {
        UnixStream::connect(self.folder.join(format!(".s.PGSQL.{PORT}"))).is_ok()
    }

    fn lock(&self) -> Result<Flock<File>> {
        if !self.folder.exists() {
            fs::create_dir_all(&self.folder)?;
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755))?;
        }
        if let Some(user) = unprivileged()? {
            chown(&self.folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let path = self.folder.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| anyhow!("cannot lock {path:?}: {error}"))
    }

    fn start(&self) -> Result<()> {
        if self.data().join("PG_VERSION").exists() && self.launch().is_ok() {
            return Ok(());
        }
        // New, or broken by a crash without fsync.
        if self.data().exists() {
            fs::remove_dir_all(self.data())?;
        }
        let mut initdb = self.command("initdb")?;
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--username",
            SUPERUSER,
            "-D",
        ]);
        self.run(initdb.arg(self.data()))?;
        self.launch()
    }

    fn launch(&self) -> Result<()> {
        let mut options = format!("-k {} -p {PORT}", self.folder.display());
        for setting in SETTINGS {
            options.push_str(&format!(" -c {setting}"));
        }
        let log = self.folder.join("log");
        let mut start = self.command("pg_ctl")?;
        start
            .args(["-w", "start", "-o", &options, "-l"])
            .arg(&log)
            .arg("-D")
            .arg(self.data());
        self.run(&mut start)
            .with_context(|| format!("PostgreSQL does not start, see {}", log.display()))
    }

    /// One of PostgreSQL's programs, to be run by a user that it accepts: it refuses to run as root.
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(binaries()?.join(program));
        command.current_dir(&self.folder).env_clear().stdin(Stdio::null());
        if let Some(user) = unprivileged()? {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        Ok(command)
    }

    /// Runs it to its end. Its output goes to a file: a pipe would stay open as long as the server runs.
    fn run(&self, command: &mut Command) -> Result<()> {
        let output = self.folder.join("output");
        let file = File::create(&output)?;
        let status = command.stdout(file.try_clone()?).stderr(file).status()?;
        if !status.success() {
            bail!(
                "{:?}: {status}\n{}",
                command.get_program(),
                fs::read_to_string(output).unwrap_or_default()
            );
        }
        Ok(())
    }
}

/// The user that runs PostgreSQL for root.
fn unprivileged() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in [SUPERUSER, "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    bail!("neither a user postgres nor nobody to run PostgreSQL as")
}

/// Folder of PostgreSQL's programs: from PATH, else the newest that Debian installed.
fn binaries() -> Result<PathBuf> {
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists());
    if let Some(folder) = on_path {
        return Ok(folder);
    }
    let version = |path: &Path| {
        path.file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let installed = fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let newest = installed
        .flatten()
        .map(|entry| entry.path())
        .max_by_key(|path| version(path));
    Ok(newest.context("PostgreSQL is not installed")?.join("bin"))
}
