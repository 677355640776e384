//! The control group around all containers of a task (K-06).

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
