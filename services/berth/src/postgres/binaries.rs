//! Finds an installed PostgreSQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// Where Debian keeps its versions side by side: `<version>/bin`.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The oldest version that our tables work with.
const OLDEST: u32 = 15;

/// The programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    pub version: u32,
}

impl Binaries {
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// The version that wrote `data` if there is some, else the newest one.
pub fn find(search_path: &str, data: &Path) -> Result<Binaries, PostgresError> {
    choose(installed(search_path, Path::new(DEBIAN)), data)
}

fn choose(mut installed: BTreeMap<u32, PathBuf>, data: &Path) -> Result<Binaries, PostgresError> {
    let binaries = |(version, folder)| Binaries { folder, version };
    if let Ok(version) = std::fs::read_to_string(data.join("PG_VERSION")) {
        let found = version
            .trim()
            .parse()
            .ok()
            .and_then(|version| installed.remove_entry(&version));
        let version = version.trim().to_owned();
        return found.map(binaries).ok_or(PostgresError::OtherVersion {
            data: data.to_owned(),
            version,
        });
    }
    match installed.pop_last() {
        None => Err(PostgresError::NotInstalled),
        Some((found, _)) if found < OLDEST => Err(PostgresError::TooOld {
            found,
            needed: OLDEST,
        }),
        Some(newest) => Ok(binaries(newest)),
    }
}

/// Folders of programs by version. What is on the search path counts before Debian's folders.
fn installed(search_path: &str, debian: &Path) -> BTreeMap<u32, PathBuf> {
    let on_path = std::env::split_paths(search_path).filter(|folder| folder.is_absolute());
    let versions = std::fs::read_dir(debian)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let mut found = BTreeMap::new();
    for folder in on_path.chain(versions) {
        // Links on the search path lead to the folder that also has the other programs and their files.
        let Ok(postgres) = folder.join("postgres").canonicalize() else {
            continue;
        };
        let Some(folder) = postgres.parent().filter(|folder| folder.join("initdb").exists()) else {
            continue;
        };
        if let Some(version) = version(&postgres) {
            found.entry(version).or_insert_with(|| folder.to_owned());
        }
    }
    found
}

/// The major version that `postgres --version` tells: `postgres (PostgreSQL) 15.18 (Debian …)`.
fn version(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn versions(versions: &[u32]) -> BTreeMap<u32, PathBuf> {
        versions
            .iter()
            .map(|version| (*version, PathBuf::from(format!("/pg/{version}"))))
            .collect()
    }

    #[test]
    fn the_newest_version_makes_new_data() {
        let nowhere = Path::new("/nowhere");
        assert_eq!(choose(versions(&[15, 17, 16]), nowhere).unwrap().version, 17);
        let none = choose(versions(&[]), nowhere).unwrap_err().to_string();
        assert!(none.contains("apt-get install postgresql;"), "{none}");
        let old = choose(versions(&[13]), nowhere).unwrap_err().to_string();
        assert!(
            old.starts_with("PostgreSQL 13 is too old, 15 is needed."),
            "{old}"
        );
    }

    #[test]
    fn data_is_run_by_the_version_that_wrote_it() {
        let data = std::env::temp_dir().join(format!("berth-pg-version-{}", kit::Random::from_os().hex32()));
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(choose(versions(&[15, 17]), &data).unwrap().version, 15);
        let missing = choose(versions(&[17]), &data).unwrap_err().to_string();
        assert!(missing.ends_with("apt-get install postgresql-15"), "{missing}");
        std::fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        assert!(installed("/nowhere:relative", Path::new("/nowhere")).is_empty());
    }
}
