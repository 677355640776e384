//! What CreateCluster, UpdateCluster and UpdateClusterSettings may set.

use aws_model::ecs::types::{
    ClusterConfiguration, ClusterSetting, ClusterSettingName, ExecuteCommandLogging,
};

use crate::{Error, Result};

/// Checks settings; a name may stand once.
pub fn settings(settings: Vec<ClusterSetting>) -> Result<Vec<ClusterSetting>> {
    if settings.len() > 1 {
        return Err(Error::invalid_parameter(
            "Duplicate cluster setting: containerInsights.",
        ));
    }
    for setting in &settings {
        let value = setting.value.as_deref().unwrap_or_default();
        match setting.name {
            Some(ClusterSettingName::ContainerInsights)
                if matches!(value, "enabled" | "disabled" | "enhanced") => {}
            Some(name) => {
                return Err(Error::invalid_parameter(format!(
                    "Invalid value '{value}' for setting {}. Valid values: enabled, disabled, enhanced.",
                    name.as_str()
                )));
            }
            None => return Err(Error::invalid_parameter("Setting name can not be blank.")),
        }
    }
    Ok(settings)
}

/// Checks the configuration (C-07).
pub fn configuration(configuration: Option<ClusterConfiguration>) -> Result<Option<ClusterConfiguration>> {
    let Some(configuration) = configuration else {
        return Ok(None);
    };
    if configuration.managed_storage_configuration.is_some() {
        return Err(Error::invalid_parameter(
            "configuration.managedStorageConfiguration is not supported by this version of Berth yet.",
        ));
    }
    if let Some(execute) = &configuration.execute_command_configuration {
        let overriding = execute.logging == Some(ExecuteCommandLogging::Override);
        if overriding != execute.log_configuration.is_some() {
            return Err(Error::invalid_parameter(match overriding {
                true => "logConfiguration is required when executeCommandConfiguration.logging is OVERRIDE.",
                false => {
                    "logConfiguration can only be given when executeCommandConfiguration.logging is OVERRIDE."
                }
            }));
        }
    }
    Ok(Some(configuration))
}

/// Refuses what this version does not carry out.
pub fn refuse_unless_empty<T>(list: Option<&Vec<T>>, member: &str) -> Result<()> {
    match list {
        Some(items) if !items.is_empty() => Err(not_yet(member)),
        _ => Ok(()),
    }
}

/// The refusal of a member that this version does not carry out.
pub fn not_yet(member: &str) -> Error {
    Error::invalid_parameter(format!("{member} is not supported by this version of Berth yet."))
}
