//! The configuration of the one binary. A value on the command line counts before one in the environment, that before one in
//! the file, that before the default; `berth config` shows which one counted.

mod agent_settings;
mod credentials;
mod file;
mod flags;
mod layers;
mod proxy_settings;
mod setting;
mod surroundings;
mod table;
mod values;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use auth::{KeyPair, MasterKey, PrivateFileError, Secret, VaultError};
use domain::{AccountId, Region};
use kit::{LogFormat, Random};
use reconcilers::AcmeConfig;
use thiserror::Error;

pub use agent_settings::{AgentSettings, ImagePullBehavior};
pub use flags::Flags;
use layers::Layers;
pub use proxy_settings::ProxySettings;
pub use surroundings::Surroundings;

/// Why the configuration cannot be used. Each text says what to change.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("{setting} (from {source_name}): {reason}")]
    Value {
        setting: String,
        source_name: String,
        reason: String,
    },
    #[error("{setting} is not set")]
    Unset { setting: String },
    #[error("{0}")]
    Clash(String),
    #[error("the configuration file {path} cannot be used")]
    File {
        path: PathBuf,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error(transparent)]
    PrivateFile(#[from] PrivateFileError),
    #[error(transparent)]
    MasterKey(#[from] VaultError),
    #[error("the data folder {path} could not be made; choose another one with --data-dir")]
    DataDir { path: PathBuf, source: std::io::Error },
}

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Base address under which clients and agents reach the server, without a closing slash.
    pub advertise_url: String,
    pub data_dir: PathBuf,
    /// The account that the first key pair belongs to.
    pub account_id: AccountId,
    /// What `berth env` and the agent use.
    pub region: Region,
    /// The regions that are served; every well-formed name if `None`.
    pub regions: Option<BTreeSet<Region>>,
    /// The first key pair, if it was given; see [`Config::key_pair`].
    pub given_key_pair: Option<KeyPair>,
    /// The PostgreSQL to use; a private one if `None`.
    pub database_url: Option<String>,
    /// The key that seals secrets, if it was given; see [`Config::master_key`].
    pub given_master_key: Option<MasterKey>,
    pub no_agent: bool,
    pub no_proxy: bool,
    pub allow_reset: bool,
    /// A host that is silent for this long loses its tasks.
    pub host_loss_after: Duration,
    /// A service task without any check counts as healthy this long after RUNNING (D-03).
    pub service_healthy_after: Duration,
    pub stopped_task_retention: Duration,
    /// Where requested certificates are issued.
    pub acme: Option<AcmeConfig>,
    /// Filter text of the log.
    pub log: String,
    pub log_format: LogFormat,
    pub agent: AgentSettings,
    pub proxy: ProxySettings,
    layers: Layers,
}

impl Config {
    /// Gathers and checks all settings.
    ///
    /// # Errors
    /// [`ConfigError`], naming the setting and where its value came from.
    pub fn load(flags: &Flags, surroundings: &Surroundings) -> Result<Self, ConfigError> {
        let mut layers = Layers::gather(flags, surroundings)?;
        let listen: SocketAddr = layers.required("listen", parsed)?;
        layers.set_default("advertise_url", &format!("http://{}", reachable(listen)));
        let region: Region = layers.required("region", parsed)?;
        layers.set_default("agent.availability_zone", &format!("{region}a"));
        let data_dir: PathBuf = layers.required("data_dir", absolute)?;
        layers.set_default("proxy.state_dir", &data_dir.join("proxy").to_string_lossy());
        let state_dir: PathBuf = layers.required("proxy.state_dir", absolute)?;
        layers.set_default("proxy.log_dir", &state_dir.join("logs").to_string_lossy());
        let regions = layers.optional("regions", |text| values::list(text).map(parsed).collect())?;
        if regions
            .as_ref()
            .is_some_and(|regions: &BTreeSet<Region>| !regions.contains(&region))
        {
            return Err(ConfigError::Clash(format!(
                "region {region} is not among the regions that are served"
            )));
        }
        Ok(Self {
            listen,
            advertise_url: layers.required("advertise_url", values::base_url)?,
            data_dir,
            account_id: layers.required("account_id", parsed)?,
            region,
            regions,
            given_key_pair: given_key_pair(&layers)?,
            database_url: layers.optional("database_url", parsed)?,
            given_master_key: layers.optional("master_key", |text| MasterKey::parse(text).map_err(reason))?,
            no_agent: layers.required("no_agent", values::switch)?,
            no_proxy: layers.required("no_proxy", values::switch)?,
            allow_reset: layers.required("allow_reset", values::switch)?,
            host_loss_after: layers.required("host_loss_after", at_least_a_second)?,
            service_healthy_after: layers.required("service_healthy_after", values::duration)?,
            stopped_task_retention: layers.required("stopped_task_retention", at_least_a_second)?,
            acme: acme(&layers)?,
            log: layers.required("log", log_filter)?,
            log_format: layers.required("log_format", parsed)?,
            agent: AgentSettings::read(&layers)?,
            proxy: ProxySettings::read(&layers)?,
            layers,
        })
    }

    /// The first key pair: the given one, else the one in `<data-dir>/credentials`, which is made if it is missing.
    ///
    /// # Errors
    /// When that file cannot be read or made, or others may read it.
    pub fn key_pair(&self, random: &Random) -> Result<KeyPair, ConfigError> {
        match &self.given_key_pair {
            Some(pair) => Ok(pair.clone()),
            None => credentials::load_or_create(&self.credentials_file(), random),
        }
    }

    /// The first key pair if there is one already: given, or made by an earlier start.
    ///
    /// # Errors
    /// As [`Config::key_pair`].
    pub fn existing_key_pair(&self) -> Result<Option<KeyPair>, ConfigError> {
        match &self.given_key_pair {
            Some(pair) => Ok(Some(pair.clone())),
            None => credentials::load(&self.credentials_file()),
        }
    }

    /// Where a key pair that was not given is kept, in the form of `~/.aws/credentials`.
    pub fn credentials_file(&self) -> PathBuf {
        self.data_dir.join("credentials")
    }

    /// The key that seals secrets: the given one, else the one in `<data-dir>/master.key`, which is made if it is missing.
    ///
    /// # Errors
    /// When that file cannot be read or made, or others may read it.
    pub fn master_key(&self, random: &Random) -> Result<MasterKey, ConfigError> {
        match &self.given_master_key {
            Some(key) => Ok(key.clone()),
            None => Ok(MasterKey::load_or_create(
                &self.data_dir.join("master.key"),
                random,
            )?),
        }
    }

    /// Makes the data folder if it is missing. Others may pass through it (the private PostgreSQL is another user) but not
    /// list it; what is secret in it is a private file.
    ///
    /// # Errors
    /// [`ConfigError::DataDir`].
    pub fn create_data_dir(&self) -> Result<(), ConfigError> {
        let failed = |source| ConfigError::DataDir {
            path: self.data_dir.clone(),
            source,
        };
        if let Some(parent) = self.data_dir.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        match fs::DirBuilder::new().mode(0o711).create(&self.data_dir) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && self.data_dir.is_dir() => {
                Ok(())
            }
            made => made.map_err(failed),
        }
    }

    /// Whether somebody gave this setting a value.
    pub fn is_set(&self, name: &str) -> bool {
        self.layers
            .get(name)
            .is_some_and(|(_, source)| *source != layers::Source::Default)
    }

    /// All settings as a table: name, value and source; secrets masked.
    pub fn table(&self) -> String {
        table::render(self)
    }

    /// One setting's value as the table shows it; `None` if there is no setting of this name.
    pub fn value(&self, name: &str) -> Option<String> {
        table::value(self, name)
    }
}

/// The directory; its contact and root say nothing without it.
fn acme(layers: &Layers) -> Result<Option<AcmeConfig>, ConfigError> {
    let directory = layers.optional("acme_directory", values::url)?;
    let contact = layers.optional("acme_contact", values::mail_address)?;
    let root = layers.optional("acme_root", absolute)?;
    match directory {
        Some(directory) => Ok(Some(AcmeConfig {
            directory,
            contact,
            root,
        })),
        None if contact.is_none() && root.is_none() => Ok(None),
        None => Err(ConfigError::Clash(
            "acme_contact and acme_root are given together with acme_directory".to_owned(),
        )),
    }
}

fn given_key_pair(layers: &Layers) -> Result<Option<KeyPair>, ConfigError> {
    let id = layers.optional("access_key_id", |text| {
        let good =
            (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if good {
            Ok(text.to_owned())
        } else {
            Err("must be 1 to 128 letters, digits or _".to_owned())
        }
    })?;
    let secret = layers.optional("secret_access_key", |text| Ok(Secret::new(text)))?;
    match (id, secret) {
        (Some(access_key_id), Some(secret)) => Ok(Some(KeyPair {
            access_key_id,
            secret,
        })),
        (None, None) => Ok(None),
        _ => Err(ConfigError::Clash(
            "access_key_id and secret_access_key are given together or not at all".to_owned(),
        )),
    }
}

/// Where this machine reaches what listens on `listen`.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port()),
        _ => listen,
    }
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(reason)
}

fn reason(error: impl ToString) -> String {
    error.to_string()
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(reason)
}

fn at_least_a_second(text: &str) -> Result<Duration, String> {
    let time = values::duration(text)?;
    if time >= Duration::from_secs(1) {
        Ok(time)
    } else {
        Err("must be at least 1s".to_owned())
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    kit::logging::parse_filter(text)
        .map(|_| text.to_owned())
        .map_err(reason)
}

#[cfg(test)]
mod tests;
