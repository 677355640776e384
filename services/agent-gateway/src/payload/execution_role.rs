//! What an agent fetches with the execution role's credentials (5.5). There are none yet, and the official agent waits for them without
//! an end and without a word: such tasks are not handed over.

use agent_protocol::Task;
use agent_protocol::task::{Container, RegistryAuthenticationType, SecretTarget};
use domain::Arn;

use super::PayloadError;

/// # Errors
/// Names the first thing that cannot be fetched.
pub(super) fn check(task: &Task) -> Result<(), PayloadError> {
    let needs = task.containers.iter().find_map(|container| {
        let what = needed_for(container)?;
        Some(PayloadError::ExecutionRole {
            container: container.name.clone(),
            what,
        })
    });
    needs.map_or(Ok(()), Err)
}

fn needed_for(container: &Container) -> Option<String> {
    if let Some(secret) = container.secrets.first() {
        let name = &secret.name;
        return Some(match secret.target {
            Some(SecretTarget::LogDriver) => format!("the log driver's secret {name}"),
            _ => format!("the secret {name}"),
        });
    }
    let registry = container.registry_authentication.as_ref();
    if registry.is_some_and(|registry| registry.r#type == RegistryAuthenticationType::Asm) {
        return Some("the credentials of its image's registry".to_owned());
    }
    // Files elsewhere are an extension of our agent, which reads them without credentials.
    let in_s3 = |place: &str| place.parse::<Arn>().is_ok();
    if let Some(file) = container.environment_files.iter().find(|file| in_s3(&file.value)) {
        return Some(format!("the environment file {}", file.value));
    }
    let firelens = container.firelens_configuration.as_ref();
    if firelens.is_some_and(|firelens| {
        firelens
            .options
            .get("config-file-type")
            .is_some_and(|kind| kind == "s3")
    }) {
        return Some("FireLens's configuration in S3".to_owned());
    }
    let spec = container.credential_specs.first()?;
    Some(format!("the credential spec {spec}"))
}
