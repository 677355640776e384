//! Volumes and mount points (TD-34, V-02, V-03).

use std::collections::BTreeSet;

use aws_model::ecs::types::{
    DockerVolumeConfiguration, EFSAuthorizationConfigIAM, EFSTransitEncryption, EFSVolumeConfiguration,
    Scope as VolumeScope, TaskDefinition, Volume,
};

use super::{refuse, refuse_in};
use crate::Result;
use crate::ecs::task_definition::containers;

pub fn check(definition: &TaskDefinition) -> Result<()> {
    let volumes = definition.volumes.as_deref().unwrap_or_default();
    let mut names = BTreeSet::new();
    for volume in volumes {
        let name = volume.name.as_deref().unwrap_or_default();
        if !domain::names::is_resource_name(name) {
            return refuse(
                "The name of a volume has 1 to 255 letters (uppercase and lowercase), numbers, hyphens and underscores.",
            );
        }
        if !names.insert(name) {
            return refuse(format!("Duplicate volume '{name}'."));
        }
        check_volume(name, volume)?;
    }
    let mounted = mount_points(definition, &names)?;
    let at_launch: Vec<&str> = volumes
        .iter()
        .filter(|volume| volume.configured_at_launch == Some(true))
        .filter_map(|volume| volume.name.as_deref())
        .collect();
    if at_launch.len() > 1 {
        return refuse("Only one volume of a task definition can be configured at launch.");
    }
    match at_launch.first().filter(|name| !mounted.contains(*name)) {
        Some(name) => refuse(format!(
            "Volumes [{name}] are not referenced by any of the containers."
        )),
        None => Ok(()),
    }
}

/// The volumes that are mounted.
fn mount_points<'a>(definition: &'a TaskDefinition, names: &BTreeSet<&str>) -> Result<BTreeSet<&'a str>> {
    let mut mounted = BTreeSet::new();
    for container in containers(definition) {
        let mut paths = BTreeSet::new();
        for mount in container.mount_points.iter().flatten() {
            let source = mount.source_volume.as_deref().unwrap_or_default();
            if !names.contains(source) {
                return refuse(format!("Unknown volume '{source}'."));
            }
            let path = mount.container_path.as_deref().unwrap_or_default();
            if path.is_empty() {
                return refuse_in(container, "A mount point needs a containerPath.");
            }
            if !paths.insert(path) {
                return refuse_in(container, &format!("Duplicate mount point '{path}'."));
            }
            mounted.insert(source);
        }
    }
    Ok(mounted)
}

fn check_volume(name: &str, volume: &Volume) -> Result<()> {
    let kinds = [
        volume.host.is_some(),
        volume.docker_volume_configuration.is_some(),
        volume.efs_volume_configuration.is_some(),
        volume.s3files_volume_configuration.is_some(),
        volume.fsx_windows_file_server_volume_configuration.is_some(),
        volume.configured_at_launch == Some(true),
    ];
    if kinds.into_iter().filter(|given| *given).count() > 1 {
        return refuse(format!("The volume '{name}' must have one configuration only."));
    }
    if let Some(docker) = &volume.docker_volume_configuration {
        check_docker(name, docker)?;
    }
    if let Some(path) = volume.host.as_ref().and_then(|host| host.source_path.as_deref())
        && path.contains(':')
        && path.starts_with('/')
    {
        return refuse(format!("The sourcePath of volume '{name}' must not contain ':'."));
    }
    volume.efs_volume_configuration.as_ref().map_or(Ok(()), check_efs)
}

fn check_docker(name: &str, docker: &DockerVolumeConfiguration) -> Result<()> {
    match docker.autoprovision == Some(true) && docker.scope != Some(VolumeScope::Shared) {
        true => refuse(format!(
            "The volume '{name}' can only be autoprovisioned when its scope is shared."
        )),
        false => Ok(()),
    }
}

fn check_efs(efs: &EFSVolumeConfiguration) -> Result<()> {
    if efs.file_system_id.is_empty() {
        return refuse("An EFS volume needs a fileSystemId.");
    }
    let encrypted = efs.transit_encryption == Some(EFSTransitEncryption::Enabled);
    let authorization = efs.authorization_config.as_ref();
    let access_point = authorization
        .and_then(|auth| auth.access_point_id.as_deref())
        .is_some_and(|id| !id.is_empty());
    if authorization.and_then(|auth| auth.iam) == Some(EFSAuthorizationConfigIAM::Enabled) && !encrypted {
        return refuse("EFS IAM authorization requires TransitEncryption to be enabled.");
    }
    if access_point && !encrypted {
        return refuse("An EFS access point requires TransitEncryption to be enabled.");
    }
    if access_point
        && efs
            .root_directory
            .as_deref()
            .is_some_and(|directory| directory != "/")
    {
        return refuse(
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted.",
        );
    }
    match efs.transit_encryption_port {
        Some(_) if !encrypted => refuse("TransitEncryptionPort requires that TransitEncryption is enabled."),
        Some(port) if !(1..=65_535).contains(&port) => {
            refuse("TransitEncryptionPort must be between 1 and 65535.")
        }
        _ => Ok(()),
    }
}
