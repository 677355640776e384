//! Members of one container that concern nothing else.

use aws_model::ecs::types::{ContainerDefinition, HealthCheck, NetworkMode, ResourceType, TaskDefinition};

use super::{refuse, refuse_in};
use crate::Result;
use crate::ecs::task_definition::{has_any, name_of};

const LONGEST_IMAGE: usize = 255;
/// Shares (TD-22).
const MOST_CPU: i32 = 262_144;
/// MiB; the engine refuses less (TD-21).
const LEAST_MEMORY: i32 = 6;
const MOST_IGNORED_EXIT_CODES: usize = 50;
/// Entries of a list of plain texts, so that a small body can not hold tens of thousands.
const MOST_TEXTS: usize = 1000;

pub fn check(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    if container
        .image
        .as_ref()
        .is_some_and(|image| image.chars().count() > LONGEST_IMAGE)
    {
        return refuse_in(
            container,
            &format!("'image' can have at most {LONGEST_IMAGE} characters."),
        );
    }
    lists(container)?;
    amounts(container, definition)?;
    network(container, definition.network_mode)?;
    if let Some(check) = &container.health_check {
        health_check(container, check)?;
    }
    restart_policy(container)?;
    for (setting, seconds) in [
        ("startTimeout", container.start_timeout),
        ("stopTimeout", container.stop_timeout),
    ] {
        if seconds.is_some_and(|seconds| seconds < 0) {
            return refuse_in(container, &format!("'{setting}' must not be negative."));
        }
    }
    devices(container, definition)?;
    credentials(container, definition)
}

fn lists(container: &ContainerDefinition) -> Result<()> {
    let lists = [
        ("command", &container.command),
        ("entryPoint", &container.entry_point),
        ("dnsServers", &container.dns_servers),
        ("dnsSearchDomains", &container.dns_search_domains),
        ("dockerSecurityOptions", &container.docker_security_options),
    ];
    match lists
        .into_iter()
        .find(|(_, list)| list.as_ref().is_some_and(|texts| texts.len() > MOST_TEXTS))
    {
        Some((setting, _)) => refuse_in(
            container,
            &format!("'{setting}' can have at most {MOST_TEXTS} entries."),
        ),
        None => Ok(()),
    }
}

/// TD-21, TD-22.
fn amounts(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    if container.cpu.is_some_and(|cpu| !(0..=MOST_CPU).contains(&cpu)) {
        return refuse_in(container, &format!("'cpu' must be between 0 and {MOST_CPU}."));
    }
    let amounts = [
        ("memory", container.memory),
        ("memoryReservation", container.memory_reservation),
    ];
    let little = amounts
        .into_iter()
        .find(|(_, mib)| mib.is_some_and(|mib| mib < LEAST_MEMORY));
    if let Some((setting, _)) = little {
        return refuse_in(
            container,
            &format!("'{setting}' must be at least {LEAST_MEMORY} MiB."),
        );
    }
    if definition.memory.is_none() && container.memory.or(container.memory_reservation).is_none() {
        return refuse_in(
            container,
            "At least one of 'memory' or 'memoryReservation' must be specified.",
        );
    }
    match (container.memory, container.memory_reservation) {
        (Some(limit), Some(reserved)) if reserved > limit => refuse_in(
            container,
            "'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        _ => Ok(()),
    }
}

/// TD-26: what a container can not have when it shares the task's network.
fn network(container: &ContainerDefinition, mode: Option<NetworkMode>) -> Result<()> {
    let Some(mode) = mode.filter(|mode| *mode != NetworkMode::Bridge) else {
        return Ok(());
    };
    if has_any(container.links.as_ref()) {
        return refuse(format!(
            "Links are not supported when networkMode={}.",
            mode.as_str()
        ));
    }
    if mode != NetworkMode::Awsvpc {
        return Ok(());
    }
    let unsupported = [
        (container.hostname.is_some(), "hostname is"),
        (has_any(container.extra_hosts.as_ref()), "Extra hosts are"),
        (has_any(container.dns_servers.as_ref()), "DNS servers are"),
        (
            has_any(container.dns_search_domains.as_ref()),
            "DNS search domains are",
        ),
        (
            container.disable_networking == Some(true),
            "Disable Networking is",
        ),
    ];
    match unsupported.into_iter().find(|(given, _)| *given) {
        Some((_, what)) => refuse(format!(
            "{what} not supported on container when networkMode=awsvpc."
        )),
        None => Ok(()),
    }
}

/// TD-29. A single text is a command for the shell; it is stored as it is (TD-11).
fn health_check(container: &ContainerDefinition, check: &HealthCheck) -> Result<()> {
    if check.command.len() > MOST_TEXTS {
        return refuse_in(
            container,
            &format!("'healthCheck.command' can have at most {MOST_TEXTS} entries."),
        );
    }
    let well_formed = match check
        .command
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["NONE"] | ["CMD-SHELL", _] | ["CMD", _, ..] => true,
        [one] => !matches!(*one, "" | "CMD" | "CMD-SHELL"),
        _ => false,
    };
    if !well_formed {
        return refuse_in(
            container,
            "'healthCheck.command' must begin with CMD, CMD-SHELL or NONE.",
        );
    }
    let ranges = [
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("retries", check.retries, 1, 10),
        ("startPeriod", check.start_period, 0, 300),
    ];
    for (setting, value, least, most) in ranges {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            return refuse_in(
                container,
                &format!("'healthCheck.{setting}' must be between {least} and {most}."),
            );
        }
    }
    Ok(())
}

/// TD-36.
fn restart_policy(container: &ContainerDefinition) -> Result<()> {
    let Some(policy) = &container.restart_policy else {
        return Ok(());
    };
    if policy
        .restart_attempt_period
        .is_some_and(|seconds| !(60..=1800).contains(&seconds))
    {
        let name = name_of(container);
        return refuse(format!(
            "The 'restartAttemptPeriod' setting for container '{name}' must be between 60 and 1800."
        ));
    }
    match policy
        .ignored_exit_codes
        .as_ref()
        .is_some_and(|codes| codes.len() > MOST_IGNORED_EXIT_CODES)
    {
        true => refuse_in(
            container,
            "'restartPolicy.ignoredExitCodes' can have at most 50 exit codes.",
        ),
        false => Ok(()),
    }
}

/// TD-39, and accelerators that the task names.
fn devices(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    let requirements = container.resource_requirements.as_deref().unwrap_or_default();
    let gpus = requirements
        .iter()
        .filter(|requirement| requirement.r#type == ResourceType::Gpu);
    if gpus.clone().count() > 1 {
        return refuse_in(container, "'resourceRequirements' can name GPU once.");
    }
    for requirement in gpus {
        if !requirement.value.parse::<u16>().is_ok_and(|count| count > 0) {
            return refuse_in(
                container,
                "The value of resource requirement GPU must be a whole number of GPUs.",
            );
        }
    }
    let accelerators = definition.inference_accelerators.as_deref().unwrap_or_default();
    let named = |device: &str| {
        accelerators
            .iter()
            .any(|accelerator| accelerator.device_name == device)
    };
    let mut wanted = requirements
        .iter()
        .filter(|r| r.r#type == ResourceType::InferenceAccelerator);
    match wanted.any(|requirement| !named(&requirement.value)) {
        true => refuse_in(
            container,
            "A resource requirement names no inference accelerator of the task.",
        ),
        false => Ok(()),
    }
}

/// TD-37 and the registry's credentials (SE-01).
fn credentials(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<()> {
    let specs = container.credential_specs.as_deref().unwrap_or_default();
    if specs.len() > 1 {
        return refuse_in(container, "'credentialSpecs' can have at most one entry.");
    }
    for spec in specs {
        let place = spec
            .strip_prefix("credentialspec:")
            .or_else(|| spec.strip_prefix("credentialspecdomainless:"));
        if place.is_none_or(|place| place.parse::<domain::Arn>().is_err()) {
            let text = "'credentialSpecs' must be credentialspec: or credentialspecdomainless: and an ARN.";
            return refuse_in(container, text);
        }
    }
    let Some(credentials) = &container.repository_credentials else {
        return Ok(());
    };
    if credentials.credentials_parameter.is_empty() {
        return refuse_in(
            container,
            "'repositoryCredentials.credentialsParameter' must not be empty.",
        );
    }
    match definition.execution_role_arn.is_none() {
        true => refuse(
            "When you are specifying repository credentials, you must also specify a value for 'executionRoleArn'.",
        ),
        false => Ok(()),
    }
}
