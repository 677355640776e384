//! What several test modules need.

use std::path::{Path, PathBuf};

use runtime::EngineInfo;
use runtime::cgroup::{CgroupDriver, CgroupVersion};

/// An engine such as Debian's Docker.
pub fn engine_info() -> EngineInfo {
    EngineInfo {
        version: "20.10.24".into(),
        api_version: "1.41".into(),
        cgroup_version: CgroupVersion::V1,
        cgroup_driver: CgroupDriver::Cgroupfs,
        storage_driver: "overlay2".into(),
        log_drivers: vec!["json-file".into(), "none".into()],
        cpus: 2,
        memory_bytes: 8 << 30,
        host_name: "host".into(),
        operating_system: "Debian".into(),
        kernel_version: "6.1".into(),
        architecture: "x86_64".into(),
        security_options: Vec::new(),
    }
}

/// A folder that goes away with its test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("berth-agent-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
