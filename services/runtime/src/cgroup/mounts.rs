//! Where the control group trees are mounted.

use crate::cgroup::CgroupVersion;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Mount points by controller, and that of the unified tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mounts {
    controllers: BTreeMap<String, PathBuf>,
    unified: Option<PathBuf>,
}

impl Mounts {
    /// Reads `/proc/self/mountinfo`: `id parent dev root mountpoint options… - type source superoptions`.
    pub(super) fn parse(mountinfo: &str) -> Self {
        let mut mounts = Self::default();
        for line in mountinfo.lines() {
            let Some((head, tail)) = line.split_once(" - ") else {
                continue;
            };
            let Some(point) = head.split(' ').nth(4) else {
                continue;
            };
            let mut tail = tail.split(' ');
            let (kind, options) = (tail.next(), tail.nth(1));
            match kind {
                Some("cgroup2") => mounts.unified = mounts.unified.or_else(|| Some(PathBuf::from(point))),
                Some("cgroup") => {
                    for option in options.unwrap_or_default().split(',') {
                        mounts
                            .controllers
                            .entry(option.to_owned())
                            .or_insert_with(|| PathBuf::from(point));
                    }
                }
                _ => {}
            }
        }
        for not_a_controller in ["rw", "ro", "xattr", "none", "clone_children"] {
            mounts.controllers.remove(not_a_controller);
        }
        mounts
    }

    /// The tree of a v1 controller.
    pub(super) fn controller(&self, name: &str) -> Option<&Path> {
        self.controllers.get(name).map(PathBuf::as_path)
    }

    /// All trees, each once. On a hybrid host the engine makes its groups in the v2 tree too.
    pub(super) fn all(&self) -> Vec<&Path> {
        let mut trees: Vec<_> = self
            .controllers
            .values()
            .chain(&self.unified)
            .map(PathBuf::as_path)
            .collect();
        trees.sort_unstable();
        trees.dedup();
        trees
    }

    /// The v2 tree.
    pub(super) fn unified(&self) -> Option<&Path> {
        self.unified.as_deref()
    }

    /// v2 if no controller has a tree of its own (`name=systemd` is none).
    pub(super) fn only_version(&self) -> CgroupVersion {
        let has_v1 = self.controllers.keys().any(|name| !name.starts_with("name="));
        if self.unified.is_some() && !has_v1 {
            CgroupVersion::V2
        } else {
            CgroupVersion::V1
        }
    }
}
