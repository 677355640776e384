//! What an agent remembers over its own death: who it is, and its tasks. One file each, replaced as a whole, so that a
//! crash at any moment leaves either the old or the new content.

mod files;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::task::record::TaskRecord;
use files::Folder;

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot {act} {path}")]
    Io {
        act: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} does not hold what this agent writes there")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// Another living agent works in the folder.
    #[error("another agent uses {path}")]
    InUse { path: PathBuf },
    #[error("the state does not encode")]
    Encode(#[source] serde_json::Error),
}

/// Who the agent is to the server, and what it pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The cluster as configured.
    pub cluster: String,
    pub container_instance_arn: Option<String>,
    pub availability_zone: Option<String>,
    /// Timeline of the last task manifest that was acknowledged.
    pub manifest_timeline: i64,
    /// Images that this agent pulled, by reference: only these are cleaned up (K-10).
    pub images: BTreeMap<String, ImageUse>,
}

/// Use of a pulled image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUse {
    pub pulled_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

/// What was found at start.
#[derive(Debug, Default)]
pub struct Saved {
    pub identity: Identity,
    pub tasks: Vec<TaskRecord>,
    /// Ids of tasks whose records cannot be used: the server takes them for running.
    pub lost: Vec<String>,
}

/// The agent's memory: a folder, or nothing that outlives the process.
#[derive(Debug, Clone)]
pub struct Store {
    folder: Option<Folder>,
}

impl Store {
    /// Opens the memory in `data_dir`; `None` keeps nothing.
    ///
    /// # Errors
    /// When the folder cannot be made or read. A task file that does not decode is set aside, not an error.
    pub async fn open(data_dir: Option<PathBuf>) -> Result<(Self, Saved), StateError> {
        let Some(path) = data_dir else {
            return Ok((Self { folder: None }, Saved::default()));
        };
        let (folder, saved) = blocking(move || Folder::open(&path)).await?;
        Ok((Self { folder: Some(folder) }, saved))
    }

    /// Writes who the agent is. Returns when it is on disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn save_identity(&self, identity: &Identity) -> Result<(), StateError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let bytes = serde_json::to_vec_pretty(identity).map_err(StateError::Encode)?;
        blocking(move || folder.write_identity(&bytes)).await
    }

    /// A task's record in the form that is stored; `None` if nothing is stored.
    ///
    /// # Errors
    /// When it does not encode.
    pub fn encode(&self, record: &TaskRecord) -> Result<Option<Vec<u8>>, StateError> {
        self.folder
            .is_some()
            .then(|| serde_json::to_vec(record).map_err(StateError::Encode))
            .transpose()
    }

    /// Writes what [`Store::encode`] gave for the task. Returns when it is on disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn save_task(&self, task_id: &str, bytes: Option<Vec<u8>>) -> Result<(), StateError> {
        let (Some(folder), Some(bytes)) = (self.folder.clone(), bytes) else {
            return Ok(());
        };
        let task_id = task_id.to_owned();
        blocking(move || folder.write_task(&task_id, &bytes)).await
    }

    /// Forgets a task.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub async fn remove_task(&self, task_id: &str) -> Result<(), StateError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let task_id = task_id.to_owned();
        blocking(move || folder.remove_task(&task_id)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests;
