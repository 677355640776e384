//! What the process finds around it. The one place that reads the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The environment and who we are; made by hand in tests.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub variables: BTreeMap<String, String>,
    /// Whether this process runs as root.
    pub root: bool,
    /// Where the file of the whole machine is looked for.
    pub machine_file: PathBuf,
}

impl Surroundings {
    /// Those of this process. Variables that are not Unicode text are left out.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            variables: variables.collect(),
            root: nix::unistd::geteuid().is_root(),
            machine_file: PathBuf::from("/etc/berth/berth.toml"),
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// `/var/lib/berth` for root, else `berth` in the user's folder for data; `None` for a user without a home.
    pub fn data_dir(&self) -> Option<PathBuf> {
        if self.root {
            return Some(PathBuf::from("/var/lib/berth"));
        }
        let data = self
            .variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || {
            self.variable("HOME")
                .map(|home| Path::new(home).join(".local/share"))
        };
        Some(data.or_else(home)?.join("berth"))
    }
}
