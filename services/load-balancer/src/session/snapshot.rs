//! What is served, kept in a file that only its owner may read (it holds private keys), so that a proxy that starts without a server
//! serves at once.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use routing::message::ToProxy;
use routing::{Balancer, Certificate, TargetGroup};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Served;

/// A change of balancers or certificates is on the disk so soon after it came.
const SOON: Duration = Duration::from_millis(500);
/// Changes of target groups: health changes often, and is checked anew after a start.
const LATER: Duration = Duration::from_secs(5);

/// Why a kept snapshot cannot be used.
#[derive(Debug, Error)]
pub enum KeptError {
    #[error("the file {path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the file {path} is no snapshot of this version: {source}")]
    Content {
        path: PathBuf,
        source: serde_json::Error,
    },
}

/// By ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    balancers: BTreeMap<String, Balancer>,
    target_groups: BTreeMap<String, TargetGroup>,
    certificates: BTreeMap<String, Certificate>,
}

/// What the server said, and when it has to be on the disk.
#[derive(Default)]
pub struct Kept {
    path: Option<PathBuf>,
    content: Content,
    due: Option<Instant>,
    /// One write at a time, so that what is written last is the latest.
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Kept {
    /// Nothing yet; kept in the file at `path`, if there is one.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// Reads the file. No file is no error.
    ///
    /// # Errors
    /// [`KeptError`].
    pub fn load(&mut self) -> Result<(), KeptError> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                let path = path.clone();
                return Err(KeptError::Read { path, source });
            }
        };
        self.content = serde_json::from_slice(&text).map_err(|source| KeptError::Content {
            path: path.clone(),
            source,
        })?;
        Ok(())
    }

    /// What others refer to first.
    pub fn put_in_force(&self, served: &dyn Served) {
        for certificate in self.content.certificates.values() {
            served.set_certificate(certificate.clone());
        }
        for group in self.content.target_groups.values() {
            served.set_target_group(group.clone());
        }
        for balancer in self.content.balancers.values() {
            served.set_balancer(balancer.clone());
        }
    }

    /// ARNs of the balancers.
    pub fn balancers(&self) -> Vec<String> {
        self.content.balancers.keys().cloned().collect()
    }

    /// Takes in what the server says.
    pub fn note(&mut self, message: &ToProxy) {
        let content = &mut self.content;
        match message {
            ToProxy::Balancer { balancer } => {
                content
                    .balancers
                    .insert(balancer.arn.clone(), (**balancer).clone());
                self.write_within(SOON);
            }
            ToProxy::Certificate { certificate } => {
                content
                    .certificates
                    .insert(certificate.arn.clone(), certificate.clone());
                self.write_within(SOON);
            }
            ToProxy::TargetGroup { target_group } => {
                let known = content
                    .target_groups
                    .insert(target_group.arn.clone(), (**target_group).clone());
                // A new target is as good as a new group.
                let same = known.is_some_and(|known| known.targets.len() == target_group.targets.len());
                self.write_within(if same { LATER } else { SOON });
            }
            ToProxy::Gone { arns } => self.drop_where(|arn| arns.iter().any(|gone| gone == arn)),
            ToProxy::Synced | ToProxy::Checks { .. } | ToProxy::Acknowledged { .. } => {}
        }
    }

    /// Everything else is no more.
    pub fn retain(&mut self, arns: &HashSet<String>) {
        self.drop_where(|arn| !arns.contains(arn));
    }

    fn drop_where(&mut self, is_gone: impl Fn(&str) -> bool) {
        let content = &mut self.content;
        content.balancers.retain(|arn, _| !is_gone(arn));
        content.target_groups.retain(|arn, _| !is_gone(arn));
        content.certificates.retain(|arn, _| !is_gone(arn));
        self.write_within(SOON);
    }

    fn write_within(&mut self, time: Duration) {
        if self.path.is_some() {
            let at = Instant::now() + time;
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Begins to write when it is time; waits for ever if nothing is to be written. May be dropped at any time.
    pub async fn write_when_due(&mut self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
        self.written().await;
        self.begin();
    }

    /// Writes what is not on the disk yet, and waits until it is.
    pub async fn write_now(&mut self) {
        self.written().await;
        self.begin();
        self.written().await;
    }

    /// The process that has taken over keeps the file from here on.
    pub fn leave_to_others(&mut self) {
        self.due = None;
    }

    fn begin(&mut self) {
        if let (Some(path), Some(_)) = (self.path.clone(), self.due.take()) {
            let content = self.content.clone();
            self.writing = Some(tokio::task::spawn_blocking(move || write(&path, &content)));
        }
    }

    /// Waits for the write that is under way.
    async fn written(&mut self) {
        if let Some(writing) = &mut self.writing {
            if let Ok(Err(error)) = writing.await {
                tracing::warn!(%error, "what is served could not be kept; a restart needs the server");
            }
            self.writing = None;
        }
    }
}

/// The file is there as a whole, old or new.
fn write(path: &Path, content: &Content) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let mut writer = io::BufWriter::new(&mut file);
    serde_json::to_writer(&mut writer, content)?;
    writer.flush()?;
    drop(writer);
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
