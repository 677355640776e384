//! Volumes of a task: paths of the host, volumes that outlive it, and volumes of its own (V-01, TD-34).

use agent_protocol::task::{DockerVolumeScope, Volume, VolumeType};
use runtime::VolumeSpec;

use super::failure::{Failure, FailureKind};
use super::naming::{self, label};
use super::record::TaskRecord;
use crate::host::Host;
use crate::patience::until_answered;

/// What a volume of a task is on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path of the host, mounted as it is.
    Path(String),
    /// A volume of the engine that outlives the task.
    Shared(String),
    /// A volume of the engine that goes with the task.
    Own(String),
}

impl Source {
    /// What stands before the colon of a bind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(name) | Self::Shared(name) | Self::Own(name) => name,
        }
    }
}

/// Where the contents of `volume` lie.
///
/// # Errors
/// When volumes of this type are not supported.
pub fn source(task: &TaskRecord, volume: &Volume) -> Result<Source, Failure> {
    let own = || Source::Own(naming::volume(&task.payload, &volume.name));
    match &volume.r#type {
        None | Some(VolumeType::Host) => {
            let path = volume.host.as_ref().and_then(|host| host.source_path.clone());
            Ok(path
                .filter(|path| !path.is_empty())
                .map_or_else(own, Source::Path))
        }
        Some(VolumeType::Docker) => {
            let scope = volume
                .docker_volume_configuration
                .as_ref()
                .and_then(|c| c.scope.clone());
            Ok(if scope == Some(DockerVolumeScope::Shared) {
                Source::Shared(volume.name.clone())
            } else {
                own()
            })
        }
        Some(other) => Err(Failure::resource(format!(
            "this agent does not support {other} volumes"
        ))),
    }
}

/// Makes the volume if it is the agent's to make; a shared one without autoprovision has to be there.
///
/// # Errors
/// `CannotCreateVolumeError`.
pub async fn make(host: &Host, task: &TaskRecord, volume: &Volume) -> Result<(), Failure> {
    let source = source(task, volume)?;
    let configuration = volume.docker_volume_configuration.clone().unwrap_or_default();
    let mut labels = configuration.labels;
    let name = match source {
        Source::Path(_) => return Ok(()),
        Source::Shared(name) if configuration.autoprovision != Some(true) => {
            let found = until_answered(|| host.runtime.volume_inspect(&name)).await;
            return found.map(drop).map_err(|error| cannot_create(volume, &error));
        }
        Source::Shared(name) => name,
        Source::Own(name) => {
            labels.insert(label::TASK_ARN.to_owned(), task.arn().to_owned());
            labels.insert(
                label::CONTAINER_INSTANCE.to_owned(),
                host.container_instance_arn.clone(),
            );
            name
        }
    };
    let spec = VolumeSpec {
        name,
        driver: configuration.driver,
        driver_opts: configuration.driver_opts,
        labels,
    };
    host.runtime
        .volume_create(&spec)
        .await
        .map(drop)
        .map_err(|error| cannot_create(volume, &error))
}

/// Removes the task's own volumes; those that are gone already are fine.
///
/// # Errors
/// The engine's words, when it does not remove one.
pub async fn remove_own(host: &Host, task: &TaskRecord) -> Result<(), String> {
    for volume in &task.payload.volumes {
        let Ok(Source::Own(name)) = source(task, volume) else {
            continue;
        };
        match host.runtime.volume_remove(&name).await {
            Err(error) if !error.is_missing() => return Err(format!("volume {name}: {error}")),
            _ => {}
        }
    }
    Ok(())
}

fn cannot_create(volume: &Volume, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::CannotCreateVolume,
        format!("volume {}: {why}", volume.name),
    )
}
