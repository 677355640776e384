//! Why there is no private PostgreSQL.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use thiserror::Error;

use super::{START_LIMIT, STARTS};

/// Why there is no private PostgreSQL. Each text says what to do.
#[derive(Debug, Error)]
pub enum PostgresError {
    #[error(
        "PostgreSQL is not installed (no postgres and initdb on PATH or under /usr/lib/postgresql). Install it with: \
         apt-get install postgresql; or name another server with DATABASE_URL"
    )]
    NotInstalled,
    #[error("PostgreSQL {found} is too old, {needed} is needed. Install it with: apt-get install postgresql")]
    TooOld { found: u32, needed: u32 },
    #[error(
        "{data} was written by PostgreSQL {version}, which is not installed. Install it with: apt-get install postgresql-{version}"
    )]
    OtherVersion { data: PathBuf, version: String },
    #[error("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")]
    NoAccount,
    #[error("{folder} belongs to another user; start as that user or as root")]
    NotOurs { folder: PathBuf },
    #[error(
        "user {user}, who runs PostgreSQL, may not enter {folder}; choose another --data-dir or run: chmod o+x {folder}"
    )]
    Closed { folder: PathBuf, user: String },
    #[error("another berth is using {0}")]
    InUse(PathBuf),
    #[error("{doing} ({path}) failed")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("a new database could not be made: {0}")]
    Initialize(String),
    #[error("PostgreSQL did not start ({status}): {last_words}; its log is {log}")]
    Died {
        status: ExitStatus,
        last_words: String,
        log: PathBuf,
    },
    #[error("PostgreSQL was not ready after {} s; its log is {log}", START_LIMIT.as_secs())]
    Slow { log: PathBuf },
    #[error("PostgreSQL in {0} does not stop")]
    Immortal(PathBuf),
    #[error("PostgreSQL died {STARTS} times in a row; its log is {log}")]
    KeepsDying { log: PathBuf },
}

impl PostgresError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
