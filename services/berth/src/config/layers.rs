//! Which text counts for a setting, and where it came from: flag before environment before file before default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::setting::{SETTINGS, Setting};
use super::{ConfigError, Flags, Surroundings, file};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Flag(String),
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The texts that count.
#[derive(Debug, Clone)]
pub struct Layers {
    values: BTreeMap<&'static str, (String, Source)>,
}

impl Layers {
    /// Puts flags, environment and file over each other.
    ///
    /// # Errors
    /// When a file was named that cannot be read, or one was found that is wrong.
    pub fn gather(flags: &Flags, surroundings: &Surroundings) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            if let Some(found) = said(setting, flags, surroundings) {
                values.insert(setting.name, found);
            }
        }
        let mut layers = Self { values };
        if let Some(path) = layers.file(flags, surroundings)? {
            for (name, text) in file::read(&path)? {
                layers
                    .values
                    .entry(name)
                    .or_insert((text, Source::File(path.clone())));
            }
        }
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                layers.set_default(setting.name, default);
            }
        }
        if let Some(folder) = surroundings.data_dir() {
            layers.set_default("data_dir", &folder.to_string_lossy());
        }
        Ok(layers)
    }

    /// The text of a setting and its source.
    pub fn get(&self, name: &str) -> Option<(&str, &Source)> {
        self.values
            .get(name)
            .map(|(text, source)| (text.as_str(), source))
    }

    /// The value of a setting that may be unset.
    ///
    /// # Errors
    /// When `read` refuses its text.
    pub fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, source)) = self.get(name) else {
            return Ok(None);
        };
        let refused = |reason| ConfigError::Value {
            setting: name.to_owned(),
            source_name: source.to_string(),
            reason,
        };
        read(text.trim()).map(Some).map_err(refused)
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// When it is unset or `read` refuses its text.
    pub fn required<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.optional(name, read)?.ok_or_else(|| ConfigError::Unset {
            setting: name.to_owned(),
        })
    }

    /// Gives a setting that nobody set a default that depends on other settings.
    pub fn set_default(&mut self, name: &'static str, text: &str) {
        self.values
            .entry(name)
            .or_insert_with(|| (text.to_owned(), Source::Default));
    }

    /// The file to read: the named one, else that of the data folder, else that of the machine.
    fn file(&self, flags: &Flags, surroundings: &Surroundings) -> Result<Option<PathBuf>, ConfigError> {
        let named = flags
            .config
            .clone()
            .or_else(|| surroundings.variable("BERTH_CONFIG").map(PathBuf::from));
        if named.is_some() {
            return Ok(named);
        }
        let folder = self
            .get("data_dir")
            .map(|(text, _)| PathBuf::from(text))
            .or_else(|| surroundings.data_dir());
        let candidates = folder.map(|folder| folder.join("berth.toml")).into_iter();
        let exists = |path: &PathBuf| Path::try_exists(path).unwrap_or(true);
        Ok(candidates.chain([surroundings.machine_file.clone()]).find(exists))
    }
}

fn said(setting: &Setting, flags: &Flags, surroundings: &Surroundings) -> Option<(String, Source)> {
    if let Some(text) = flags.values.get(setting.name) {
        return Some((text.clone(), Source::Flag(setting.flag())));
    }
    let names = [Some(setting.env()), setting.also_env.map(str::to_owned)];
    names.into_iter().flatten().find_map(|name| {
        let text = surroundings.variable(&name)?.to_owned();
        Some((text, Source::Environment(name)))
    })
}
