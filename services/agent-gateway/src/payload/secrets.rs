//! What the agent fetches by itself (5.5): secrets, and credentials of registries.

use agent_protocol::task::{
    AsmAuthData, EcrAuthData, RegistryAuthentication, RegistryAuthenticationType, Secret, SecretProvider,
    SecretTarget, SecretType,
};
use aws_model::ecs::types::{ContainerDefinition, RepositoryCredentials, Secret as SecretDefinition};
use domain::Arn;

use super::Host;

/// Secrets of the container's environment and of its log driver (SE-01).
pub(super) fn all(host: &Host, definition: &ContainerDefinition) -> Vec<Secret> {
    let environment = definition.secrets.iter().flatten();
    let options = definition
        .log_configuration
        .iter()
        .flat_map(|log| log.secret_options.iter().flatten());
    environment
        .map(|secret| {
            one(
                host,
                secret,
                SecretType::EnvironmentVariable,
                SecretTarget::Container,
            )
        })
        .chain(options.map(|secret| one(host, secret, SecretType::Bootstrap, SecretTarget::LogDriver)))
        .collect()
}

/// Without an ARN it is a parameter of this region (SE-03).
fn one(host: &Host, secret: &SecretDefinition, kind: SecretType, target: SecretTarget) -> Secret {
    let arn = secret.value_from.parse::<Arn>().ok();
    let provider = match &arn {
        Some(arn) if arn.service == "secretsmanager" => SecretProvider::Asm,
        _ => SecretProvider::Ssm,
    };
    Secret {
        name: secret.name.clone(),
        value_from: secret.value_from.clone(),
        provider: Some(provider),
        r#type: Some(kind),
        target: Some(target),
        region: Some(arn.map_or_else(|| host.scope.region.to_string(), |arn| arn.region)),
        container_path: None,
    }
}

/// How the agent gets at the image: with a secret that the definition names, or, for images in ECR, with the host's own keys.
pub(super) fn registry(
    host: &Host,
    image: &str,
    named: Option<&RepositoryCredentials>,
) -> Option<RegistryAuthentication> {
    if let Some(named) = named {
        let parameter = named.credentials_parameter.clone();
        let region = parameter
            .parse::<Arn>()
            .map_or_else(|_| host.scope.region.to_string(), |arn| arn.region);
        return Some(RegistryAuthentication {
            r#type: RegistryAuthenticationType::Asm,
            ecr_auth_data: None,
            asm_auth_data: Some(AsmAuthData {
                credentials_parameter: Some(parameter),
                region: Some(region),
            }),
        });
    }
    let (registry_id, region) = ecr(image)?;
    Some(RegistryAuthentication {
        r#type: RegistryAuthenticationType::Ecr,
        ecr_auth_data: Some(EcrAuthData {
            registry_id: Some(registry_id.to_owned()),
            region: Some(region.to_owned()),
            endpoint_override: None,
            use_execution_role: Some(false),
        }),
        asm_auth_data: None,
    })
}

/// Account and region of an image `<account>.dkr.ecr.<region>.amazonaws.com/…`.
fn ecr(image: &str) -> Option<(&str, &str)> {
    let (registry, _) = image.split_once('/')?;
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (digits && domain.starts_with("amazonaws.com")).then_some((account, region))
}
