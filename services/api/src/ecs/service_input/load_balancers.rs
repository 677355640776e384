//! `loadBalancers` of services, and what is only allowed with them (S-04).

use std::collections::{BTreeMap, BTreeSet};

use aws_model::ecs::types::{LoadBalancer, NetworkMode, TaskDefinition};
use store::load_balancers::Which;
use store::target_groups;

use super::unsupported;
use crate::{Context, Error, Result};

/// Target groups of a service (S-04).
const MOST: usize = 5;

/// Load balancers whose target groups are there and on a listener.
pub struct Checked {
    load_balancers: Vec<LoadBalancer>,
    /// By ARN.
    target_types: BTreeMap<String, String>,
}

impl Checked {
    /// Those of a service whose tasks are of this definition.
    ///
    /// # Errors
    /// InvalidParameterException if a container or a port is not in the definition, or its network mode needs other targets.
    pub fn of(self, definition: &TaskDefinition) -> Result<Vec<LoadBalancer>> {
        for balancer in &self.load_balancers {
            let (container, port) = place(balancer);
            match find(definition, container, port) {
                Found::Port => {}
                Found::NoContainer => return Err(no_container(container)),
                Found::NoPort => {
                    return Err(Error::invalid_parameter(format!(
                        "The container {container} did not have a container port {port} defined."
                    )));
                }
            }
        }
        let mode = definition.network_mode.unwrap_or(NetworkMode::Bridge);
        let needed = if mode == NetworkMode::Awsvpc {
            "ip"
        } else {
            "instance"
        };
        match self.target_types.iter().find(|(_, has)| *has != needed) {
            None => Ok(self.load_balancers),
            Some((arn, has)) => Err(Error::invalid_parameter(format!(
                "The provided target group {arn} has target type {has}, which is incompatible with the {mode} network mode specified \
                 in the task definition."
            ))),
        }
    }
}

/// Checks everything of them but what depends on the task definition.
///
/// # Errors
/// InvalidParameterException; UnsupportedFeatureException for Classic Load Balancers.
pub async fn checked(cx: &Context, given: Vec<LoadBalancer>) -> Result<Checked> {
    if given.len() > MOST {
        return Err(Error::invalid_parameter(format!(
            "load balancers can have at most {MOST} items."
        )));
    }
    let mut arns = Vec::with_capacity(given.len());
    let mut places = BTreeSet::new();
    for balancer in &given {
        let arn = shape(balancer)?;
        if !places.insert((arn, place(balancer))) {
            return Err(Error::invalid_parameter(format!(
                "loadBalancers names the same container and port twice for the target group {arn}."
            )));
        }
        arns.push(arn.to_owned());
        arns.extend(alternate(balancer));
    }
    let groups = match arns.is_empty() {
        true => Vec::new(),
        false => target_groups::list(cx.db(), &cx.scope, Which::Arns(&arns), None).await?,
    };
    let target_types: BTreeMap<String, String> = groups
        .into_iter()
        .map(|group| (group.arn, group.target_type))
        .collect();
    if arns.iter().any(|arn| !target_types.contains_key(arn)) {
        return Err(Error::invalid_parameter(
            "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed has \
             the proper permissions.",
        ));
    }
    let balanced = target_groups::load_balancers_of(cx.db(), &arns).await?;
    match arns
        .iter()
        .find(|arn| balanced.get(*arn).is_none_or(Vec::is_empty))
    {
        None => Ok(Checked {
            load_balancers: given,
            target_types,
        }),
        Some(arn) => Err(Error::invalid_parameter(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        ))),
    }
}

/// The other group of a load balancer between whose groups traffic is shifted (BG-02).
fn alternate(balancer: &LoadBalancer) -> Option<String> {
    balancer
        .advanced_configuration
        .as_ref()?
        .alternate_target_group_arn
        .clone()
}

/// The target group's ARN, if all members are there that have to be, and no others.
fn shape(balancer: &LoadBalancer) -> Result<&str> {
    if balancer
        .load_balancer_name
        .as_ref()
        .is_some_and(|name| !name.is_empty())
    {
        return Err(unsupported(
            "loadBalancers.loadBalancerName (Classic Load Balancers)",
        ));
    }
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let arn = balancer.target_group_arn.as_deref().unwrap_or_default();
    if arn.is_empty() {
        return Err(Error::invalid_parameter("targetGroupArn can not be blank."));
    }
    if !given(&balancer.container_name) {
        return Err(Error::invalid_parameter("Container name can not be blank."));
    }
    match balancer.container_port {
        Some(1..=65_535) => {}
        Some(_) => {
            return Err(Error::invalid_parameter(
                "Container port must be between 1 and 65535.",
            ));
        }
        None => return Err(Error::invalid_parameter("Container port can not be blank.")),
    }
    Ok(arn)
}

/// Whether tasks of a later definition can still be registered (S-04).
///
/// # Errors
/// InvalidParameterException if they cannot.
pub fn still_fit(load_balancers: &[LoadBalancer], definition: &TaskDefinition) -> Result<()> {
    for balancer in load_balancers {
        let (container, port) = place(balancer);
        match find(definition, container, port) {
            Found::Port => {}
            Found::NoContainer => return Err(no_container(container)),
            Found::NoPort => {
                return Err(Error::invalid_parameter(
                    "Load balancer container name or port changed in task definition",
                ));
            }
        }
    }
    Ok(())
}

/// Which container port takes the requests.
fn place(balancer: &LoadBalancer) -> (&str, i32) {
    let container = balancer.container_name.as_deref().unwrap_or_default();
    (container, balancer.container_port.unwrap_or_default())
}

enum Found {
    NoContainer,
    NoPort,
    Port,
}

fn find(definition: &TaskDefinition, container: &str, port: i32) -> Found {
    let mut containers = definition.container_definitions.iter().flatten();
    let Some(container) = containers.find(|it| it.name.as_deref() == Some(container)) else {
        return Found::NoContainer;
    };
    let mut mappings = container.port_mappings.iter().flatten();
    match mappings.any(|mapping| mapping.container_port == Some(port)) {
        true => Found::Port,
        false => Found::NoPort,
    }
}

fn no_container(name: &str) -> Error {
    Error::invalid_parameter(format!(
        "The container {name} does not exist in the task definition."
    ))
}

/// `healthCheckGracePeriodSeconds` of a service with or without load balancers (S-01).
///
/// # Errors
/// InvalidParameterException if it has none and a period is given.
pub fn grace_period(given: Option<i32>, current: Option<i32>, balanced: bool) -> Result<Option<i32>> {
    match given {
        Some(seconds) if seconds < 0 => Err(Error::invalid_parameter(
            "healthCheckGracePeriodSeconds should not be negative.",
        )),
        Some(seconds) if seconds > 0 && !balanced => Err(Error::invalid_parameter(
            "Health check grace period is only valid for services configured to use load balancers",
        )),
        given if balanced => Ok(given.or(current).or(Some(0))),
        given => Ok(given),
    }
}

/// `role`: services with one target group may name it.
///
/// # Errors
/// InvalidParameterException for other services.
pub fn role(given: Option<String>, load_balancers: &[LoadBalancer]) -> Result<Option<String>> {
    match (given.filter(|role| !role.is_empty()), load_balancers.len()) {
        (None, _) => Ok(None),
        (Some(_), 0) => Err(Error::invalid_parameter(
            "You cannot specify an IAM role for services that are not configured to use load balancers.",
        )),
        (Some(role), 1) => Ok(Some(role)),
        (Some(_), _) => Err(Error::invalid_parameter(
            "You cannot specify an IAM role for services that require a service linked role.",
        )),
    }
}
