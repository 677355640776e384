//! One task's control group.

use super::{CgroupDriver, CgroupError, CgroupTree, CgroupVersion, systemd};
use std::fs;
use std::path::{Path, PathBuf};

/// Group over all tasks under the cgroupfs driver.
const ROOT_GROUP: &str = "ecs";
/// Slice over all tasks under the systemd driver; `ecstasks-<id>.slice` lies in it by systemd's naming rule.
const ROOT_SLICE: &str = "ecstasks";
/// Period over which CPU time is counted, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;
/// The kernel takes no smaller quota.
const MIN_CPU_QUOTA_US: u64 = 1_000;

/// Limits over all containers of a task together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TaskLimits {
    /// Hard limit in vCPUs; absent or 0: none.
    pub vcpus: Option<f64>,
    /// Hard limit in bytes; absent or 0: none.
    pub memory_bytes: Option<u64>,
}

impl TaskLimits {
    /// CPU time in microseconds per [`CPU_PERIOD_US`].
    pub(super) fn cpu_quota_us(&self) -> Option<u64> {
        let vcpus = self.vcpus.filter(|vcpus| *vcpus > 0.0)?;
        Some(((vcpus * CPU_PERIOD_US as f64).round() as u64).max(MIN_CPU_QUOTA_US))
    }

    /// Weight against other tasks: 1024 per vCPU, as containers have.
    pub(super) fn cpu_shares(&self) -> Option<u64> {
        let vcpus = self.vcpus.filter(|vcpus| *vcpus > 0.0)?;
        Some(((vcpus * 1024.0).round() as u64).clamp(2, 262_144))
    }

    pub(super) fn memory(&self) -> Option<u64> {
        self.memory_bytes.filter(|bytes| *bytes > 0)
    }
}

/// What the kernel counted in a task's group since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryEvents {
    /// Processes killed for memory. On v1 the kernel counts them in the container's group only, which
    /// is gone with the container: there this covers the containers that still run.
    pub oom_kills: u64,
    /// How often the limit was met; most of these end well, by giving cache back.
    pub limit_hits: u64,
}

/// The group of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCgroup {
    tree: CgroupTree,
    id: String,
}

impl TaskCgroup {
    pub(super) fn new(tree: CgroupTree, task_id: &str) -> Self {
        // A dash would mean another level to systemd.
        let id = task_id.chars().filter(char::is_ascii_alphanumeric).collect();
        Self { tree, id }
    }

    /// What goes into the containers' `CgroupParent`.
    pub fn parent(&self) -> String {
        match self.tree.driver {
            CgroupDriver::Cgroupfs => format!("/{ROOT_GROUP}/{}", self.id),
            CgroupDriver::Systemd => self.slice(),
        }
    }

    fn slice(&self) -> String {
        format!("{ROOT_SLICE}-{}.slice", self.id)
    }

    /// Path below the mount point of a tree.
    fn relative(&self) -> PathBuf {
        match self.tree.driver {
            CgroupDriver::Cgroupfs => Path::new(ROOT_GROUP).join(&self.id),
            CgroupDriver::Systemd => Path::new(&format!("{ROOT_SLICE}.slice")).join(self.slice()),
        }
    }

    fn v1(&self, controller: &'static str) -> Result<PathBuf, CgroupError> {
        let tree = self.tree.mounts.controller(controller);
        Ok(tree
            .ok_or(CgroupError::ControllerMissing(controller))?
            .join(self.relative()))
    }

    fn unified(&self) -> Result<&Path, CgroupError> {
        self.tree
            .mounts
            .unified()
            .ok_or(CgroupError::ControllerMissing("cgroup2"))
    }

    /// Makes the group and sets its limits; on an existing group only the limits are set again.
    pub fn create(&self, limits: &TaskLimits) -> Result<(), CgroupError> {
        match (self.tree.driver, self.tree.version) {
            (CgroupDriver::Systemd, version) => systemd::start_slice(&self.slice(), version, limits),
            (CgroupDriver::Cgroupfs, CgroupVersion::V1) => self.create_v1(limits),
            (CgroupDriver::Cgroupfs, CgroupVersion::V2) => self.create_v2(limits),
        }
    }

    fn create_v1(&self, limits: &TaskLimits) -> Result<(), CgroupError> {
        let cpu = self.v1("cpu")?;
        let memory = self.v1("memory")?;
        make(&cpu)?;
        make(&memory)?;
        if let (Some(quota), Some(shares)) = (limits.cpu_quota_us(), limits.cpu_shares()) {
            write(&cpu, "cpu.cfs_period_us", CPU_PERIOD_US)?;
            write(&cpu, "cpu.cfs_quota_us", quota)?;
            write(&cpu, "cpu.shares", shares)?;
        }
        match limits.memory() {
            Some(bytes) => write(&memory, "memory.limit_in_bytes", bytes),
            None => Ok(()),
        }
    }

    fn create_v2(&self, limits: &TaskLimits) -> Result<(), CgroupError> {
        let root = self.unified()?;
        let group = root.join(self.relative());
        make(&group)?;
        // A group has the controllers that its parent hands down; containers lie one level below ours.
        for parent in [root, &root.join(ROOT_GROUP), &group] {
            hand_down_controllers(parent)?;
        }
        if let (Some(quota), Some(shares)) = (limits.cpu_quota_us(), limits.cpu_shares()) {
            write(&group, "cpu.max", format!("{quota} {CPU_PERIOD_US}"))?;
            write(&group, "cpu.weight", cpu_weight(shares))?;
        }
        match limits.memory() {
            Some(bytes) => write(&group, "memory.max", bytes),
            None => Ok(()),
        }
    }

    /// Removes the group. Does nothing if it is gone; fails while containers are in it.
    pub fn remove(&self) -> Result<(), CgroupError> {
        match (self.tree.driver, self.tree.version) {
            (CgroupDriver::Systemd, _) => systemd::stop_slice(&self.slice()),
            // The engine has made the group in the other trees too.
            (CgroupDriver::Cgroupfs, CgroupVersion::V1) => self
                .tree
                .mounts
                .all()
                .iter()
                .try_for_each(|tree| unmake(&tree.join(self.relative()))),
            (CgroupDriver::Cgroupfs, CgroupVersion::V2) => unmake(&self.unified()?.join(self.relative())),
        }
    }

    /// What the kernel counted; zeros if the group is gone.
    pub fn memory_events(&self) -> Result<MemoryEvents, CgroupError> {
        match self.tree.version {
            CgroupVersion::V1 => {
                let group = self.v1("memory")?;
                Ok(MemoryEvents {
                    oom_kills: sum_over_groups(&group, "memory.oom_control", "oom_kill")?,
                    limit_hits: read(&group.join("memory.failcnt"))?
                        .trim()
                        .parse()
                        .unwrap_or_default(),
                })
            }
            CgroupVersion::V2 => {
                let events = read(&self.unified()?.join(self.relative()).join("memory.events"))?;
                Ok(MemoryEvents {
                    oom_kills: field(&events, "oom_kill"),
                    limit_hits: field(&events, "max"),
                })
            }
        }
    }
}

/// The kernel's own formula from shares (2 to 262144) to weight (1 to 10000).
pub(super) fn cpu_weight(shares: u64) -> u64 {
    1 + (shares.saturating_sub(2) * 9_999) / 262_142
}

fn make(group: &Path) -> Result<(), CgroupError> {
    fs::create_dir_all(group).map_err(CgroupError::io("make", group))
}

fn unmake(group: &Path) -> Result<(), CgroupError> {
    match fs::remove_dir(group) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(CgroupError::io("remove", group)),
    }
}

fn write(group: &Path, file: &str, value: impl ToString) -> Result<(), CgroupError> {
    let path = group.join(file);
    fs::write(&path, value.to_string()).map_err(CgroupError::io("write", &path))
}

fn read(path: &Path) -> Result<String, CgroupError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        result => result.map_err(CgroupError::io("read", path)),
    }
}

fn hand_down_controllers(group: &Path) -> Result<(), CgroupError> {
    let handed_down = read(&group.join("cgroup.subtree_control"))?;
    let missing: Vec<_> = read(&group.join("cgroup.controllers"))?
        .split_whitespace()
        .filter(|controller| !handed_down.split_whitespace().any(|one| one == *controller))
        .map(|controller| format!("+{controller}"))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        write(group, "cgroup.subtree_control", missing.join(" "))
    }
}

/// Value of a `name value` line; 0 if there is none.
pub(super) fn field(text: &str, name: &str) -> u64 {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or_default()
}

fn sum_over_groups(group: &Path, file: &str, name: &str) -> Result<u64, CgroupError> {
    let mut sum = field(&read(&group.join(file))?, name);
    let Ok(entries) = fs::read_dir(group) else {
        return Ok(sum);
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sum += field(&read(&entry.path().join(file))?, name);
        }
    }
    Ok(sum)
}
