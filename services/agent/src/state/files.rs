//! The folder: `agent.json`, and `tasks/<task id>.json` for each task. Readable by the owner only, as task definitions
//! often carry secrets in their environment.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::{Saved, StateError};
use crate::task::record::{FORMAT, TaskRecord};

const IDENTITY: &str = "agent.json";
const TASKS: &str = "tasks";
const LOCK: &str = "lock";
/// How long an agent that is just ending may take to let go of the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as somebody may still write.
    _lock: Arc<File>,
}

impl Folder {
    pub fn open(path: &Path) -> Result<(Self, Saved), StateError> {
        let tasks = path.join(TASKS);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&tasks)
            .map_err(failed("create", &tasks))?;
        let folder = Self {
            path: path.to_owned(),
            _lock: Arc::new(lock(path)?),
        };
        let identity = read(&path.join(IDENTITY))?.unwrap_or_default();
        let mut saved = read_tasks(&tasks)?;
        saved.identity = identity;
        Ok((folder, saved))
    }

    pub fn write_identity(&self, bytes: &[u8]) -> Result<(), StateError> {
        replace(&self.path, IDENTITY, bytes)
    }

    pub fn write_task(&self, task_id: &str, bytes: &[u8]) -> Result<(), StateError> {
        replace(&self.path.join(TASKS), &format!("{task_id}.json"), bytes)
    }

    pub fn remove_task(&self, task_id: &str) -> Result<(), StateError> {
        let path = self.path.join(TASKS).join(format!("{task_id}.json"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

/// Makes sure that no other agent works in the folder.
fn lock(folder: &Path) -> Result<File, StateError> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(failed("create", &path))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::InUse {
                    path: folder.to_owned(),
                });
            }
        }
    }
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { act, path, source }
}

/// New content, to disk, under the old name, and the name to disk.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StateError> {
    let (path, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed("create", &fresh))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", &fresh))?;
    fs::rename(&fresh, &path).map_err(failed("replace", &path))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", folder))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    match fs::read(path) {
        Ok(bytes) => {
            let unreadable = |source| StateError::Unreadable {
                path: path.to_owned(),
                source,
            };
            serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn read_tasks(folder: &Path) -> Result<Saved, StateError> {
    let mut saved = Saved::default();
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let path = entry.map_err(failed("list", folder))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => {}
            // Left by a crash in the middle of a write that nobody relied on yet.
            Some("new") => {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
                continue;
            }
            _ => continue,
        }
        match read::<TaskRecord>(&path) {
            Ok(Some(task)) if task.format == FORMAT => saved.tasks.push(task),
            Ok(Some(task)) => saved
                .lost
                .extend(set_aside(&path, &format!("its format is {}", task.format))?),
            Ok(None) => {}
            Err(StateError::Unreadable { source, .. }) => {
                saved.lost.extend(set_aside(&path, &source.to_string())?)
            }
            Err(error) => return Err(error),
        }
    }
    saved.tasks.sort_by_key(|task| task.accepted_at);
    Ok(saved)
}

/// Gives the id of the task.
fn set_aside(path: &Path, why: &str) -> Result<Option<String>, StateError> {
    tracing::error!(path = %path.display(), why, "a task's record cannot be used and is set aside");
    fs::rename(path, path.with_extension("unreadable")).map_err(failed("set aside", path))?;
    Ok(path.file_stem().and_then(|id| id.to_str()).map(ToOwned::to_owned))
}
