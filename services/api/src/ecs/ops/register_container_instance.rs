use std::collections::BTreeMap;

use aws_model::ecs::types::{
    Attribute, PlatformDevice, RegisterContainerInstanceRequest, RegisterContainerInstanceResponse, Resource,
};
use domain::{ContainerInstanceId, Scope};
use serde::Deserialize;
use store::instances::{Attributes, Registration};
use uuid::Uuid;

use super::describe_container_instances::show_one;
use crate::ecs::view::container_instance::DOCKER_VERSION_PREFIX;
use crate::ecs::{attributes, find, tags};
use crate::{Context, Error, Result};

/// Ports that are reserved on a host whose agent names none (I-02).
const RESERVED_PORTS: [i32; 5] = [22, 2375, 2376, 51678, 51679];
/// Longest text that an agent may say of its host, bytes: tokens, versions, names of devices.
const TEXT_LIMIT: usize = 255;

/// RegisterContainerInstance, by our agent and the official one (1.4 and 1.5 of the agent protocol).
///
/// The reply has every attribute that was sent, with equal value: the official agent exits for good if one is missing. An ARN that is
/// not known is taken as it is, so that agents with a memory survive the loss of ours.
pub async fn register_container_instance(
    cx: &Context,
    input: RegisterContainerInstanceRequest,
) -> Result<RegisterContainerInstanceResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let remembered = input
        .container_instance_arn
        .as_deref()
        .filter(|arn| !arn.is_empty());
    let id = match remembered {
        Some(arn) => find::instance_id(cx, &cluster.name, arn)?.ok_or_else(|| not_ours(arn))?,
        None => ContainerInstanceId(Uuid::new_v4()),
    };
    let client_token = input.client_token.filter(|token| !token.is_empty());
    check_length("clientToken", client_token.as_deref())?;
    let identity = Identity::read(input.instance_identity_document.as_deref());
    let resources = Resources::read(
        input.total_resources.unwrap_or_default(),
        input.platform_devices.unwrap_or_default(),
    )?;
    let version = input.version_info.unwrap_or_default();
    check_length("agentVersion", version.agent_version.as_deref())?;
    check_length("agentHash", version.agent_hash.as_deref())?;
    check_length("dockerVersion", version.docker_version.as_deref())?;
    let registration = Registration {
        cluster_id: cluster.id,
        cluster_name: cluster.name.clone(),
        id,
        again: remembered.is_some(),
        client_token,
        attributes: all_attributes(&cx.scope, input.attributes.unwrap_or_default(), &identity)?,
        ec2_instance_id: identity.instance_id,
        agent_version: version.agent_version,
        agent_hash: version.agent_hash,
        docker_version: version.docker_version.map(|text| {
            text.strip_prefix(DOCKER_VERSION_PREFIX)
                .unwrap_or(&text)
                .to_owned()
        }),
        cpu: resources.cpu,
        memory: resources.memory,
        reserved_ports: resources.ports,
        reserved_ports_udp: resources.ports_udp,
        gpus: resources.gpus,
        tags: tags::checked(input.tags)?,
    };
    let row = store::instances::register(cx.db(), &cx.scope, &registration, cx.now()).await?;
    let row = row.ok_or_else(|| remembered.map_or_else(Error::cluster_not_found, not_ours))?;
    let container_instance = Some(show_one(cx, &cluster.name, row).await?);
    Ok(RegisterContainerInstanceResponse { container_instance })
}

fn check_length(name: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.len() > TEXT_LIMIT => Err(Error::invalid_parameter(format!(
            "{name} can have at most {TEXT_LIMIT} bytes."
        ))),
        _ => Ok(()),
    }
}

fn not_ours(arn: &str) -> Error {
    let arn: String = arn.chars().take(255).collect();
    Error::invalid_parameter(format!(
        "The container instance {arn} belongs to another account, region or cluster."
    ))
}

/// What the EC2 identity document says of a host, if there is one.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    instance_id: Option<String>,
    instance_type: Option<String>,
    availability_zone: Option<String>,
    image_id: Option<String>,
}

impl Identity {
    /// A document that cannot be read says nothing; there is no way to check its signature here.
    fn read(document: Option<&str>) -> Self {
        document
            .filter(|text| !text.contains(r"\u0000"))
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

/// The attributes that were sent, and those that every instance has (P-07).
fn all_attributes(scope: &Scope, sent: Vec<Attribute>, identity: &Identity) -> Result<Attributes> {
    let mut all = BTreeMap::from([
        (
            "ecs.availability-zone".to_owned(),
            Some(format!("{}a", scope.region)),
        ),
        ("ecs.os-type".to_owned(), Some("linux".to_owned())),
    ]);
    let known = [
        ("ecs.availability-zone", &identity.availability_zone),
        ("ecs.instance-type", &identity.instance_type),
        ("ecs.ami-id", &identity.image_id),
    ];
    for (name, value) in known {
        if value.is_some() {
            all.insert(name.to_owned(), value.clone());
        }
    }
    let mut custom = 0;
    for attribute in sent {
        if attributes::is_custom(&attribute.name) {
            attributes::check_custom(&attribute.name, attribute.value.as_deref())?;
            custom += 1;
        }
        all.insert(attribute.name, attribute.value);
    }
    if custom > attributes::LIMIT {
        let text = format!(
            "A container instance can have at most {} custom attributes.",
            attributes::LIMIT
        );
        return Err(Error::invalid_parameter(text));
    }
    Ok(all)
}

/// What the host has.
#[derive(Debug, PartialEq, Eq)]
struct Resources {
    cpu: i64,
    memory: i64,
    /// Reserved ones.
    ports: Vec<i32>,
    ports_udp: Vec<i32>,
    gpus: Vec<String>,
}

impl Resources {
    /// Resources that placement does not know of are passed over, as AWS's agents may send more than we place by.
    fn read(sent: Vec<Resource>, devices: Vec<PlatformDevice>) -> Result<Self> {
        let mut all = Self {
            cpu: 0,
            memory: 0,
            ports: RESERVED_PORTS.to_vec(),
            ports_udp: Vec::new(),
            gpus: devices.into_iter().map(|device| device.id).collect(),
        };
        for resource in sent {
            match resource.name.as_deref() {
                Some("CPU") => all.cpu = amount("CPU", &resource)?,
                Some("MEMORY") => all.memory = amount("MEMORY", &resource)?,
                Some("PORTS") => all.ports = ports(resource.string_set_value)?,
                Some("PORTS_UDP") => all.ports_udp = ports(resource.string_set_value)?,
                Some("GPU") => all.gpus.extend(resource.string_set_value.unwrap_or_default()),
                _ => {}
            }
        }
        for gpu in &all.gpus {
            check_length("The id of a GPU", Some(gpu))?;
        }
        all.gpus.sort_unstable();
        all.gpus.dedup();
        Ok(all)
    }
}

fn amount(name: &str, resource: &Resource) -> Result<i64> {
    let value = resource
        .integer_value
        .map(i64::from)
        .or(resource.long_value)
        .unwrap_or(0);
    match (0..=i64::from(i32::MAX)).contains(&value) {
        true => Ok(value),
        false => Err(Error::invalid_parameter(format!(
            "The resource {name} must be between 0 and {}.",
            i32::MAX
        ))),
    }
}

fn ports(values: Option<Vec<String>>) -> Result<Vec<i32>> {
    let mut ports = Vec::new();
    for text in values.unwrap_or_default() {
        match text.parse::<u16>() {
            Ok(port) => ports.push(i32::from(port)),
            Err(_) => {
                let text: String = text.chars().take(64).collect();
                return Err(Error::invalid_parameter(format!("'{text}' is not a port.")));
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}
