//! Log drivers and FireLens (L-20, TD-37, TD-38).

use std::collections::BTreeMap;

use aws_model::ecs::types::{ContainerDefinition, LogConfiguration, LogDriver};

use super::{environment, refuse, refuse_in};
use crate::Result;

pub fn check(container: &ContainerDefinition) -> Result<()> {
    if let Some(logs) = &container.log_configuration {
        options(container, logs)?;
        for secret in logs.secret_options.iter().flatten() {
            environment::check_source(container, secret)?;
        }
    }
    let firelens = container
        .firelens_configuration
        .as_ref()
        .and_then(|firelens| firelens.options.as_ref());
    firelens.map_or(Ok(()), |options| firelens_options(container, options))
}

fn options(container: &ContainerDefinition, logs: &LogConfiguration) -> Result<()> {
    let given = |option: &str| {
        logs.options
            .as_ref()
            .and_then(|options| options.get(option))
            .map(String::as_str)
    };
    if given("mode").is_some_and(|mode| !matches!(mode, "blocking" | "non-blocking")) {
        return refuse_in(
            container,
            "The log option 'mode' must be blocking or non-blocking.",
        );
    }
    if logs.log_driver != LogDriver::Awslogs {
        return Ok(());
    }
    if given("awslogs-group").unwrap_or_default().is_empty() {
        return refuse("Log driver awslogs requires options: awslogs-group");
    }
    match given("awslogs-datetime-format").is_some() && given("awslogs-multiline-pattern").is_some() {
        true => refuse_in(
            container,
            "The log options 'awslogs-datetime-format' and 'awslogs-multiline-pattern' exclude each other.",
        ),
        false => Ok(()),
    }
}

fn firelens_options(container: &ContainerDefinition, options: &BTreeMap<String, String>) -> Result<()> {
    let given = |option: &str| options.get(option).map(String::as_str);
    if given("enable-ecs-log-metadata").is_some_and(|value| !matches!(value, "true" | "false")) {
        return refuse_in(
            container,
            "The FireLens option 'enable-ecs-log-metadata' must be true or false.",
        );
    }
    match (given("config-file-type"), given("config-file-value")) {
        (None, None) => Ok(()),
        (Some("s3" | "file"), Some(value)) if !value.is_empty() => Ok(()),
        (Some("s3" | "file"), _) => {
            refuse_in(container, "The FireLens option 'config-file-value' is missing.")
        }
        _ => refuse_in(
            container,
            "The FireLens option 'config-file-type' must be s3 or file.",
        ),
    }
}

/// One container routes the logs of those that use awsfirelens.
pub fn check_router(containers: &[ContainerDefinition]) -> Result<()> {
    let routers = containers
        .iter()
        .filter(|container| container.firelens_configuration.is_some())
        .count();
    if routers > 1 {
        return refuse("Only one container of a task definition can have a firelens configuration.");
    }
    let driver =
        |container: &ContainerDefinition| container.log_configuration.as_ref().map(|logs| logs.log_driver);
    let routed = containers
        .iter()
        .any(|container| driver(container) == Some(LogDriver::Awsfirelens));
    match routed && routers == 0 {
        true => refuse(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be \
             specified.",
        ),
        false => Ok(()),
    }
}
