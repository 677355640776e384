//! Volumes of a payload (5.3).

use agent_protocol::task::{
    DockerVolumeConfiguration, DockerVolumeScope, EfsAuthorizationConfig, EfsVolumeConfiguration, HostVolume,
    Volume, VolumeType,
};
use aws_model::ecs::types::{
    DockerVolumeConfiguration as DockerDefinition, EFSVolumeConfiguration, TaskDefinition,
    Volume as VolumeDefinition,
};

use super::PayloadError;

pub(super) fn all(document: &TaskDefinition) -> Result<Vec<Volume>, PayloadError> {
    document.volumes.iter().flatten().map(volume).collect()
}

fn volume(definition: &VolumeDefinition) -> Result<Volume, PayloadError> {
    let name = definition.name.clone().unwrap_or_default();
    let unsupported = |kind| {
        Err(PayloadError::Volume {
            name: name.clone(),
            kind,
        })
    };
    if definition.configured_at_launch == Some(true) {
        return unsupported("EBS");
    }
    if definition.s3files_volume_configuration.is_some() {
        return unsupported("S3 files");
    }
    if definition.fsx_windows_file_server_volume_configuration.is_some() {
        return unsupported("FSx for Windows File Server");
    }
    let volume = Volume {
        name,
        ..Volume::default()
    };
    if let Some(docker) = &definition.docker_volume_configuration {
        let configuration = Some(self::docker(docker));
        return Ok(Volume {
            r#type: Some(VolumeType::Docker),
            docker_volume_configuration: configuration,
            ..volume
        });
    }
    if let Some(efs) = &definition.efs_volume_configuration {
        return Ok(Volume {
            r#type: Some(VolumeType::Efs),
            efs_volume_configuration: Some(self::efs(efs)),
            ..volume
        });
    }
    // `host` has to be there even if it says nothing: an empty volume that lives as long as the task.
    let source_path = definition
        .host
        .as_ref()
        .and_then(|host| host.source_path.clone())
        .filter(|path| !path.is_empty());
    Ok(Volume {
        r#type: Some(VolumeType::Host),
        host: Some(HostVolume { source_path }),
        ..volume
    })
}

fn docker(definition: &DockerDefinition) -> DockerVolumeConfiguration {
    DockerVolumeConfiguration {
        scope: Some(DockerVolumeScope::from(
            definition.scope.unwrap_or_default().as_str(),
        )),
        autoprovision: Some(definition.autoprovision.unwrap_or(false)),
        driver: Some(definition.driver.clone().unwrap_or_else(|| "local".to_owned())),
        driver_opts: definition.driver_opts.clone().unwrap_or_default(),
        labels: definition.labels.clone().unwrap_or_default(),
    }
}

fn efs(definition: &EFSVolumeConfiguration) -> EfsVolumeConfiguration {
    let authorization = definition.authorization_config.as_ref();
    EfsVolumeConfiguration {
        file_system_id: definition.file_system_id.clone(),
        root_directory: definition.root_directory.clone(),
        transit_encryption: definition.transit_encryption.map(|word| word.as_str().to_owned()),
        transit_encryption_port: definition
            .transit_encryption_port
            .and_then(|port| u16::try_from(port).ok()),
        authorization_config: authorization.map(|authorization| EfsAuthorizationConfig {
            access_point_id: authorization.access_point_id.clone(),
            iam: authorization.iam.map(|word| word.as_str().to_owned()),
        }),
    }
}
