//! Port mappings (TD-26 to TD-28).

use std::collections::BTreeSet;

use aws_model::ecs::types::{ContainerDefinition, NetworkMode, PortMapping, TransportProtocol};

use super::{refuse, refuse_in};
use crate::Result;

/// Ranges of one container (section 27).
const MOST_RANGES: usize = 100;
const LONGEST_NAME: usize = 64;

pub fn check(container: &ContainerDefinition, mode: Option<NetworkMode>) -> Result<()> {
    let mappings = container.port_mappings.as_deref().unwrap_or_default();
    if mode == Some(NetworkMode::None) && !mappings.is_empty() {
        return refuse("Port mappings are not supported when networkMode=none.");
    }
    for mapping in mappings {
        match &mapping.container_port_range {
            Some(range) => check_range(container, mapping, range, mode)?,
            None => check_ports(container, mapping, mode)?,
        }
    }
    if mappings
        .iter()
        .filter(|mapping| mapping.container_port_range.is_some())
        .count()
        > MOST_RANGES
    {
        return refuse_in(
            container,
            &format!("There can be at most {MOST_RANGES} container port ranges."),
        );
    }
    check_overlap(container, mappings)
}

fn check_ports(
    container: &ContainerDefinition,
    mapping: &PortMapping,
    mode: Option<NetworkMode>,
) -> Result<()> {
    let Some(port) = mapping.container_port else {
        return refuse_in(
            container,
            "A port mapping needs a containerPort or a containerPortRange.",
        );
    };
    if !(1..=65_535).contains(&port) {
        return refuse_in(container, "'containerPort' must be between 1 and 65535.");
    }
    if mapping
        .host_port
        .is_some_and(|port| !(0..=65_535).contains(&port))
    {
        return refuse_in(container, "'hostPort' must be between 0 and 65535.");
    }
    match mode {
        Some(mode @ (NetworkMode::Host | NetworkMode::Awsvpc))
            if mapping.host_port.unwrap_or(port) != port =>
        {
            let mode = mode.as_str();
            refuse(format!(
                "When networkMode={mode}, the host ports and container ports in port mappings must match."
            ))
        }
        _ => Ok(()),
    }
}

/// TD-27.
fn check_range(
    container: &ContainerDefinition,
    mapping: &PortMapping,
    range: &str,
    mode: Option<NetworkMode>,
) -> Result<()> {
    if mapping.container_port.is_some() || mapping.host_port.is_some() {
        return refuse_in(
            container,
            "A port mapping cannot specify both single port and port range.",
        );
    }
    if mode == Some(NetworkMode::Host) {
        return refuse_in(
            container,
            "'containerPortRange' is not supported when networkMode=host.",
        );
    }
    match range_of(range) {
        Some(_) => Ok(()),
        None => refuse_in(
            container,
            &format!("Invalid 'containerPortRange' setting: '{range}'."),
        ),
    }
}

/// First and last port of `a-b`.
fn range_of(text: &str) -> Option<(i32, i32)> {
    let (first, last) = text.split_once('-')?;
    let port = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port > 0 && !text.starts_with('+'))
            .map(i32::from)
    };
    let (first, last) = (port(first)?, port(last)?);
    (first < last).then_some((first, last))
}

/// A container port may be mapped twice to different host ports only; ranges must be apart.
fn check_overlap(container: &ContainerDefinition, mappings: &[PortMapping]) -> Result<()> {
    let protocol = |mapping: &PortMapping| mapping.protocol.unwrap_or(TransportProtocol::Tcp).as_str();
    let ports = |mapping: &PortMapping| match &mapping.container_port_range {
        Some(range) => range_of(range),
        None => mapping.container_port.map(|port| (port, port)),
    };
    for (place, mapping) in mappings.iter().enumerate() {
        let Some((first, last)) = ports(mapping) else {
            continue;
        };
        for other in &mappings[place + 1..] {
            let Some((start, end)) = ports(other) else {
                continue;
            };
            let single = mapping.container_port.is_some() && other.container_port.is_some();
            let apart = single && mapping.host_port.unwrap_or(0) != other.host_port.unwrap_or(0);
            if first <= end && start <= last && protocol(mapping) == protocol(other) && !apart {
                return refuse_in(container, "A container port is used multiple times in task.");
            }
        }
    }
    Ok(())
}

/// TD-28: names are unique in the whole definition.
pub fn check_names(containers: &[ContainerDefinition]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for container in containers {
        for mapping in container.port_mappings.iter().flatten() {
            let Some(name) = mapping.name.as_deref() else {
                if mapping.app_protocol.is_some() {
                    return refuse_in(container, "A port mapping with an appProtocol needs a name.");
                }
                continue;
            };
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            if !(1..=LONGEST_NAME).contains(&name.len())
                || !name.bytes().all(allowed)
                || name.starts_with('-')
            {
                return refuse_in(
                    container,
                    "The name of a port mapping has at most 64 lower-case letters, digits, hyphens and underscores.",
                );
            }
            if !seen.insert(name) {
                return refuse_in(
                    container,
                    &format!("The port mapping name '{name}' is already used."),
                );
            }
        }
    }
    Ok(())
}
