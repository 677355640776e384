//! Variables, environment files and secrets (TD-32, TD-33, SE-01 to SE-03).

use std::collections::BTreeSet;

use aws_model::ecs::types::{ContainerDefinition, Secret, TaskDefinition};
use domain::Arn;

use super::{refuse, refuse_in};
use crate::Result;
use crate::ecs::task_definition::has_any;

/// Files of a definition.
const MOST_FILES: usize = 10;

pub fn check(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    let names = |name: &Option<String>| {
        name.clone()
            .filter(|name| !name.is_empty() && !name.contains('='))
    };
    let mut seen = BTreeSet::new();
    for variable in container.environment.iter().flatten() {
        match names(&variable.name) {
            Some(name) => seen.insert(name),
            None => {
                return refuse_in(
                    container,
                    "An environment variable's name must not be empty or contain '='.",
                );
            }
        };
    }
    for file in container.environment_files.iter().flatten() {
        if !is_file(&file.value) {
            return refuse_in(
                container,
                "The value of an environment file must be the ARN of an object, an absolute path, or a file, http or \
                 https URL, and end in .env.",
            );
        }
    }
    for secret in container.secrets.iter().flatten() {
        check_source(container, secret)?;
        if secret.name.is_empty() || secret.name.contains('=') {
            return refuse_in(container, "A secret's name must not be empty or contain '='.");
        }
        if !seen.insert(secret.name.clone()) {
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{}'",
                secret.name
            ));
        }
    }
    match has_any(container.secrets.as_ref()) && definition.execution_role_arn.is_none() {
        true => refuse(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
        false => Ok(()),
    }
}

/// TD-32.
pub fn check_count(containers: &[ContainerDefinition]) -> Result<()> {
    let files: usize = containers
        .iter()
        .filter_map(|container| container.environment_files.as_ref())
        .map(Vec::len)
        .sum();
    match files > MOST_FILES {
        true => {
            refuse("The maximum number of environment files was exceeded. Specify ten or less and try again.")
        }
        false => Ok(()),
    }
}

/// An object of S3 as on AWS, or one of Berth's places.
fn is_file(value: &str) -> bool {
    let object = || {
        value
            .parse::<Arn>()
            .is_ok_and(|arn| arn.service == "s3" && arn.resource.contains('/'))
    };
    let place = match value.split_once("://") {
        Some(("http" | "https", rest)) => !rest.starts_with('/'),
        Some(("file", rest)) => rest.starts_with('/'),
        Some(_) => false,
        None => value.starts_with('/') || (value.starts_with("arn:") && object()),
    };
    place && value.ends_with(".env") && value.len() <= 2048
}

/// Checks where a secret comes from: a secret's ARN with all of its parts or none, or a parameter (SE-02, SE-03).
pub fn check_source(container: &ContainerDefinition, secret: &Secret) -> Result<()> {
    let value = secret.value_from.as_str();
    let known = match value.parse::<Arn>() {
        Ok(arn) if arn.service == "secretsmanager" => {
            let parts: Vec<&str> = arn.resource.split(':').collect();
            parts[0] == "secret"
                && matches!(parts.len(), 2 | 5)
                && parts.get(1).is_some_and(|name| !name.is_empty())
        }
        Ok(arn) if arn.service == "ssm" => arn.resource.strip_prefix("parameter/").is_some_and(is_parameter),
        Ok(_) => false,
        Err(_) => !value.starts_with("arn:") && is_parameter(value),
    };
    match known {
        true => Ok(()),
        false => refuse_in(
            container,
            &format!(
                "The 'valueFrom' of secret '{}' must be the ARN of a secret or the name or ARN of a parameter.",
                secret.name
            ),
        ),
    }
}

/// A name or path, with `:version` or `:label` behind it.
fn is_parameter(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/:".contains(c);
    (1..=2048).contains(&name.len()) && name.chars().all(allowed)
}
