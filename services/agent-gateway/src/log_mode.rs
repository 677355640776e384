//! How the logs of a container are delivered whose definition does not say (TD-38).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_model::ecs::types::{LogConfiguration, LogDriver, SettingName};
use domain::Scope;
use store::task_definitions::TaskDefinitionRow;
use store::{Db, Result, settings};

/// The account setting `defaultLogDriverMode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogDriverMode {
    /// Logs that the driver does not take in time are lost.
    #[default]
    NonBlocking,
    /// The container waits for the driver: what engines do when nothing is said.
    Blocking,
}

/// The container does not say, and its driver can be told. What `awsfirelens` is given goes to its router, which has no modes.
pub(crate) fn is_open(log: &LogConfiguration) -> bool {
    let says = |options: &BTreeMap<String, String>| options.contains_key("mode");
    log.log_driver != LogDriver::Awsfirelens && !log.options.as_ref().is_some_and(says)
}

/// Modes of those accounts whose definitions were looked at and leave something open.
#[derive(Debug, Default)]
pub(crate) struct LogDriverModes(HashMap<Scope, LogDriverMode>);

impl LogDriverModes {
    /// Asks the database only for accounts of definitions that leave the mode open.
    pub async fn read(db: &Db, definitions: impl Iterator<Item = &TaskDefinitionRow>) -> Result<Self> {
        let open = definitions.filter(|row| leaves_open(row));
        let scopes: BTreeSet<Scope> = open.filter_map(scope_of).collect();
        let mut modes = HashMap::new();
        for scope in scopes {
            let name = SettingName::DefaultLogDriverMode.as_str();
            let value = settings::of_account(db, &scope, name).await?;
            let mode = match value.as_deref() {
                Some("blocking") => LogDriverMode::Blocking,
                _ => LogDriverMode::NonBlocking,
            };
            modes.insert(scope, mode);
        }
        Ok(Self(modes))
    }

    pub fn of(&self, scope: &Scope) -> LogDriverMode {
        self.0.get(scope).copied().unwrap_or_default()
    }
}

fn leaves_open(row: &TaskDefinitionRow) -> bool {
    let mut containers = row.document.container_definitions.iter().flatten();
    containers.any(|container| container.log_configuration.as_ref().is_some_and(is_open))
}

fn scope_of(row: &TaskDefinitionRow) -> Option<Scope> {
    Some(Scope::new(row.account.parse().ok()?, row.region.parse().ok()?))
}
