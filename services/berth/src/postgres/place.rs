//! Where the private server keeps its files and its socket.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::PostgresError;
use super::account::Account;

/// Only names the socket; nothing listens on a network.
pub const PORT: u16 = 5432;
/// Name of the database and of its only user.
pub const NAME: &str = "berth";

/// What the kernel takes as the path of a socket.
const SOCKET_PATH_LIMIT: usize = 107;
/// A log that has grown to this size is put aside at the next start.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

/// The folders and files of one private server.
#[derive(Debug, Clone)]
pub struct Place {
    /// Everything of the server, owned by the user who runs it.
    pub folder: PathBuf,
    pub data: PathBuf,
    /// Private: to get in is to be allowed in.
    pub socket_folder: PathBuf,
    pub log: PathBuf,
}

impl Place {
    /// Makes the folders that are missing, and lets the server's user through to them.
    pub fn prepare(data_dir: &Path, account: &Account) -> Result<Self, PostgresError> {
        let data_dir = data_dir
            .canonicalize()
            .map_err(PostgresError::io("finding the data folder", data_dir))?;
        account.open_way(&data_dir)?;
        let folder = data_dir.join("postgres");
        private_folder(&folder, account)?;
        let socket_folder = socket_folder(&folder);
        private_folder(&socket_folder, account)?;
        Ok(Self {
            data: folder.join("data"),
            log: folder.join("log"),
            folder,
            socket_folder,
        })
    }

    /// Removes a socket folder that is not beside the data, when the server has stopped. The next start makes it again.
    pub fn leave(&self) {
        if !self.socket_folder.starts_with(&self.folder)
            && let Err(error) = fs::remove_dir(&self.socket_folder)
        {
            tracing::warn!(%error, folder = %self.socket_folder.display(), "the socket's folder stays");
        }
    }

    /// The address of the database.
    pub fn url(&self) -> String {
        let host = self.socket_folder.to_string_lossy();
        format!(
            "postgres://{NAME}@localhost:{PORT}/{NAME}?host={}",
            utf8_percent_encode(&host, NON_ALPHANUMERIC)
        )
    }

    /// The log, to be written to by the server.
    pub fn open_log(&self) -> io::Result<File> {
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_LIMIT) {
            fs::rename(&self.log, self.log.with_extension("1"))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
    }

    /// The last line of the log that says why the server whose first process was `pid` ended. Its own words go before those of
    /// others: processes of an earlier, killed server may write into the log until they notice that it is gone.
    pub fn last_words(&self, pid: Option<u32>) -> String {
        let end = File::open(&self.log).and_then(|mut log| {
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        let end = end.unwrap_or_default();
        let grave = |line: &&str| {
            ["FATAL:", "PANIC:", "ERROR:"]
                .iter()
                .any(|level| line.contains(level))
        };
        let own = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        let last = end.lines().rev().find(|line| grave(line) && line.contains(&own));
        let last = last
            .or_else(|| end.lines().rev().find(grave))
            .or_else(|| end.lines().next_back());
        last.unwrap_or("it said nothing").trim().to_owned()
    }
}

/// Beside the data; under `/tmp` if the path would be too long for a socket or hold what PostgreSQL takes for a separator.
fn socket_folder(folder: &Path) -> PathBuf {
    let beside = folder.join("run");
    let text = beside.to_string_lossy();
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if plain && text.len() + format!("/.s.PGSQL.{PORT}.lock").len() <= SOCKET_PATH_LIMIT {
        return beside;
    }
    let hash = auth::canonical::sha256_hex(text.as_bytes());
    PathBuf::from(format!("/tmp/berth-postgres-{}", &hash[..16]))
}

/// A folder of mode 0700 that belongs to the server's user. One that somebody else made is refused.
fn private_folder(path: &Path, account: &Account) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            return account
                .take(path)
                .map_err(PostgresError::io("giving the folder to its user", path));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(PostgresError::io("making the folder", path)(error)),
    }
    let found = fs::symlink_metadata(path).map_err(PostgresError::io("looking at the folder", path))?;
    let own = nix::unistd::geteuid().as_raw();
    if !found.is_dir() || (found.uid() != account.uid() && found.uid() != own) {
        return Err(PostgresError::NotOurs {
            folder: path.to_owned(),
        });
    }
    let private =
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).and_then(|()| account.take(path));
    private.map_err(PostgresError::io("making the folder private", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_beside_the_data_unless_its_path_is_too_long_or_odd() {
        assert_eq!(
            socket_folder(Path::new("/var/lib/berth/postgres")),
            Path::new("/var/lib/berth/postgres/run")
        );
        let odd = format!("/srv/{}/postgres", "x".repeat(100));
        for folder in [odd.as_str(), "/srv/a,b/postgres", "/srv/a b/postgres"] {
            let socket = socket_folder(Path::new(folder));
            assert!(
                socket.starts_with("/tmp") && socket.to_string_lossy().len() < 50,
                "{}",
                socket.display()
            );
            assert_eq!(socket, socket_folder(Path::new(folder)));
        }
    }
}
