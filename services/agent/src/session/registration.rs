//! RegisterContainerInstance: who this host is, and what it has to give (sections 1.4 and 1.5).

use std::time::Duration;

use kit::{Backoff, Random};
use runtime::EngineInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{ApiClient, ApiError};
use super::capabilities::{self, Attribute};
use crate::config::AgentConfig;
use crate::host::Host;

const BYTES_PER_MIB: u64 = 1024 * 1024;
const CPU_UNITS_PER_CORE: u64 = 1024;
const DEFAULT_CLUSTER: &str = "default";

/// The server does not take this host, and asking again is of no use.
#[derive(Debug, thiserror::Error)]
#[error("the server refused to register this host: {0}")]
pub struct RegistrationRefused(#[source] pub ApiError);

/// What the server knows this host as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub container_instance_arn: String,
    pub availability_zone: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegisterContainerInstanceRequest<'a> {
    cluster: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_instance_arn: Option<&'a str>,
    client_token: String,
    instance_identity_document: &'a str,
    instance_identity_document_signature: &'a str,
    attributes: Vec<Attribute>,
    total_resources: Vec<Resource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platform_devices: Vec<PlatformDevice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    name: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    integer_value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_set_value: Option<Vec<String>>,
}

#[derive(Serialize)]
struct PlatformDevice<'a> {
    id: &'a str,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterContainerInstanceResponse {
    container_instance: ContainerInstance,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerInstance {
    container_instance_arn: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

/// Registers this host, as `known_as` if it was registered before. Tries until the server answers.
///
/// # Errors
/// When the server refuses for good.
pub async fn register(
    api: &ApiClient,
    config: &AgentConfig,
    engine: &EngineInfo,
    attributes: Vec<Attribute>,
    known_as: Option<&str>,
    random: &Random,
) -> Result<Registered, RegistrationRefused> {
    let tag = |(key, value)| Tag { key, value };
    let request = RegisterContainerInstanceRequest {
        cluster: &config.cluster,
        container_instance_arn: known_as,
        client_token: random.uuid().to_string(),
        instance_identity_document: "",
        instance_identity_document_signature: "",
        attributes,
        total_resources: resources(config, engine),
        platform_devices: config
            .gpu_ids
            .iter()
            .map(|id| PlatformDevice { id, r#type: "GPU" })
            .collect(),
        tags: config
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .map(tag)
            .collect(),
    };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30)).with_jitter(0.2);
    loop {
        let answer = api.call("RegisterContainerInstance", &request).await;
        let error = match answer {
            Ok(RegisterContainerInstanceResponse { container_instance }) => {
                return Ok(registered(container_instance, known_as));
            }
            Err(error) => error,
        };
        match error.code() {
            Some("ClientException" | "InvalidParameterException") => return Err(RegistrationRefused(error)),
            Some("ClusterNotFoundException") if config.cluster == DEFAULT_CLUSTER => {
                create_default_cluster(api).await
            }
            _ => {}
        }
        let pause = backoff.next_delay(random);
        tracing::warn!(%error, ?pause, "not registered yet");
        tokio::time::sleep(pause).await;
    }
}

/// Registers a running agent's host anew, as what it was: the server has lost its memory of it.
///
/// # Errors
/// As [`register`].
pub async fn register_again(host: &Host, api: &ApiClient) -> Result<(), RegistrationRefused> {
    let attributes = capabilities::attributes(&host.config, &host.engine, host.findings(), true);
    let known_as = Some(host.container_instance_arn.as_str());
    register(
        api,
        &host.config,
        &host.engine,
        attributes,
        known_as,
        &host.random,
    )
    .await
    .map(drop)
}

/// The default cluster comes to be with its first host.
async fn create_default_cluster(api: &ApiClient) {
    let created = api
        .call::<_, Value>("CreateCluster", &json!({ "clusterName": DEFAULT_CLUSTER }))
        .await;
    if let Err(error) = created {
        tracing::warn!(%error, "the default cluster could not be created");
    }
}

fn registered(instance: ContainerInstance, known_as: Option<&str>) -> Registered {
    let zone = instance
        .attributes
        .into_iter()
        .find(|attribute| attribute.name == "ecs.availability-zone");
    Registered {
        container_instance_arn: known_as.map_or(instance.container_instance_arn, ToOwned::to_owned),
        availability_zone: zone.and_then(|zone| zone.value),
    }
}

/// PORTS are those that tasks may *not* have (I-02).
fn resources(config: &AgentConfig, engine: &EngineInfo) -> Vec<Resource> {
    let number = |name, value| Resource {
        name,
        r#type: "INTEGER",
        integer_value: Some(value),
        string_set_value: None,
    };
    let ports = |name, ports: &[u16]| {
        let ports = ports.iter().map(ToString::to_string).collect();
        Resource {
            name,
            r#type: "STRINGSET",
            integer_value: None,
            string_set_value: Some(ports),
        }
    };
    let cpu = config
        .cpu_units
        .unwrap_or(u64::from(engine.cpus) * CPU_UNITS_PER_CORE);
    let memory = config.memory_mib.unwrap_or(engine.memory_bytes / BYTES_PER_MIB);
    vec![
        number("CPU", cpu),
        number("MEMORY", memory.saturating_sub(config.reserved_memory_mib)),
        ports("PORTS", &config.reserved_ports),
        ports("PORTS_UDP", &config.reserved_udp_ports),
    ]
}
