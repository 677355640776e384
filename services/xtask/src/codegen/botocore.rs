//! The installed botocore package, from which the API models are read.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::model::Model;
use super::services::ServiceSpec;

/// An installed botocore package.
pub struct Botocore {
    directory: PathBuf,
    version: String,
}

impl Botocore {
    /// Takes the package at `directory`, or the one that `python3` imports.
    pub fn find(directory: Option<PathBuf>) -> Result<Self> {
        let directory = match directory {
            Some(directory) => directory,
            None => {
                let script = "import botocore; print(botocore.__path__[0])";
                PathBuf::from(output_of(Command::new("python3").args(["-c", script]))?.trim())
            }
        };
        let init = directory.join("__init__.py");
        let source = std::fs::read_to_string(&init).with_context(|| format!("reading {}", init.display()))?;
        let version = source
            .lines()
            .find_map(|line| line.strip_prefix("__version__ = "))
            .map(|text| text.trim_matches(['\'', '"']).to_owned())
            .with_context(|| format!("no __version__ in {}", init.display()))?;
        Ok(Self { directory, version })
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Reads the API model of one service, compressed or not.
    pub fn service(&self, spec: &ServiceSpec) -> Result<Model> {
        let directory = self
            .directory
            .join("data")
            .join(spec.directory)
            .join(spec.api_version);
        let plain = directory.join("service-2.json");
        let text = if plain.exists() {
            std::fs::read_to_string(&plain).with_context(|| format!("reading {}", plain.display()))?
        } else {
            output_of(
                Command::new("gzip")
                    .arg("-dc")
                    .arg(directory.join("service-2.json.gz")),
            )?
        };
        Model::parse(&text)
    }
}

fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let failure = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", failure.trim());
    Ok(String::from_utf8(output.stdout)?)
}
