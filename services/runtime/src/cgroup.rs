//! The control group around all containers of a task (K-06): cpu and memory limits over the whole task.
//!
//! [`CgroupTree::detect`] finds out how the host and the engine arrange control groups, and
//! [`CgroupTree::task`] names the group of a task: [`TaskCgroup::create`] makes it with its limits,
//! [`TaskCgroup::parent`] goes into each container's `CgroupParent`.

mod mounts;
mod systemd;
mod task;

pub use task::{MemoryEvents, TaskCgroup, TaskLimits};

use mounts::Mounts;
use std::path::{Path, PathBuf};

/// Which interface of control groups the engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CgroupVersion {
    /// One tree per controller; also the hybrid set-up.
    V1,
    /// One tree for all.
    V2,
}

/// Who makes control groups for the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CgroupDriver {
    /// The engine itself; parents are paths.
    Cgroupfs,
    /// systemd; parents are slices.
    Systemd,
}

/// Why a control group could not be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A file or folder of the control group tree.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A controller that limits need is not mounted.
    #[error("control group controller {0} is not mounted")]
    ControllerMissing(&'static str),
    /// systemd did not make or stop the slice.
    #[error("systemd refused {slice}: {message}")]
    Systemd {
        /// The slice.
        slice: String,
        /// Its words.
        message: String,
    },
}

impl CgroupError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// How control groups are arranged on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupTree {
    version: CgroupVersion,
    driver: CgroupDriver,
    mounts: Mounts,
}

impl CgroupTree {
    /// The arrangement of this host, for an engine that says it uses `version` and `driver`.
    pub fn detect(version: CgroupVersion, driver: CgroupDriver) -> Result<Self, CgroupError> {
        let path = Path::new("/proc/self/mountinfo");
        let mountinfo = std::fs::read_to_string(path).map_err(CgroupError::io("read", path))?;
        Ok(Self::from_mountinfo(&mountinfo, version, driver))
    }

    fn from_mountinfo(mountinfo: &str, version: CgroupVersion, driver: CgroupDriver) -> Self {
        Self {
            version,
            driver,
            mounts: Mounts::parse(mountinfo),
        }
    }

    /// The group of a task; nothing is made yet.
    ///
    /// `task_id` is the last part of the task's ARN. Characters that a path or a slice cannot carry are left out.
    pub fn task(&self, task_id: &str) -> TaskCgroup {
        TaskCgroup::new(self.clone(), task_id)
    }
}

/// What an engine uses that does not say it: v2 if there is nothing but the one tree.
pub(crate) fn version_of_this_host() -> CgroupVersion {
    let mounts = Mounts::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    mounts.only_version()
}

#[cfg(test)]
mod tests;
