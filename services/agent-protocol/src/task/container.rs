//! A container of a payload task.

use super::secret::{RegistryAuthentication, Secret};
use crate::wire::{null_as_default, words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// Protocol of a port mapping.
    pub enum TransportProtocol {
        /// TCP; also what an absent protocol means.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

words! {
    /// How far another container must be before this one starts.
    pub enum DependencyCondition {
        /// It runs.
        Start = "START",
        /// It has exited.
        Complete = "COMPLETE",
        /// It has exited with code 0.
        Success = "SUCCESS",
        /// Its health check passed.
        Healthy = "HEALTHY",
    }
}

words! {
    /// Who checks health.
    pub enum HealthCheckType {
        /// Docker; needs `Healthcheck` inside `dockerConfig.config`.
        Docker = "docker",
    }
}

/// One container. Sizes: `cpu` in shares, `memory` in MiB.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name, unique in the task.
    pub name: String,
    /// Image reference. Absent only in tasks that are to be stopped.
    #[serde(default, deserialize_with = "null_as_default")]
    pub image: String,
    /// Whether its end ends the task. Absent means **false**.
    #[serde(default, deserialize_with = "null_as_default")]
    pub essential: bool,
    /// CPU shares; the engine's minimum is 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<i64>,
    /// Hard limit in MiB; 0 or absent means none, less than 4 is raised to 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
    /// Overrides the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Vec<String>>,
    /// Overrides the image's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A map, not a list as in the API.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub environment: BTreeMap<String, String>,
    /// Files with more of it, of lower precedence.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub environment_files: Vec<EnvironmentFile>,
    /// Published ports.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub port_mappings: Vec<PortMapping>,
    /// `name[:alias]`; each is also a START dependency.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub links: Vec<String>,
    /// Mounted volumes.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub mount_points: Vec<MountPoint>,
    /// Mounts taken over from another container.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub volumes_from: Vec<VolumeFrom>,
    /// What must have happened before this one starts.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub depends_on: Vec<ContainerDependency>,
    /// Seconds that waits of others for this one may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<i64>,
    /// Seconds from the stop signal to the kill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i64>,
    /// Present if health is to be reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_type: Option<HealthCheckType>,
    /// Docker API fragments laid over what the agent builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_config: Option<DockerConfig>,
    /// JSON text; only `{"command":[...]}` is understood by the official agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<String>,
    /// Credentials for the pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_authentication: Option<RegistryAuthentication>,
    /// `ExecutionRole` lets the awslogs driver use the execution role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs_auth_strategy: Option<String>,
    /// Secrets that the agent fetches.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub secrets: Vec<Secret>,
    /// Makes this the task's log router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firelens_configuration: Option<FirelensConfiguration>,
    /// Local restarts without a state report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Agents that run inside the container, such as `ExecuteCommandAgent`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub managed_agents: Vec<ManagedAgent>,
    /// Shown in task metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_arn: Option<String>,
    /// gMSA.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub credential_specs: Vec<String>,
}

/// Docker API fragments, as JSON **text**.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerConfig {
    /// Shape of Docker's container `Config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Shape of Docker's `HostConfig`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_config: Option<String>,
    /// Least Docker API version to use, such as `1.24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl DockerConfig {
    /// `config` as a JSON object; empty when absent.
    pub fn config_object(&self) -> Result<serde_json::Map<String, serde_json::Value>, serde_json::Error> {
        object(self.config.as_deref())
    }

    /// `hostConfig` as a JSON object; empty when absent.
    pub fn host_config_object(
        &self,
    ) -> Result<serde_json::Map<String, serde_json::Value>, serde_json::Error> {
        object(self.host_config.as_deref())
    }
}

fn object(text: Option<&str>) -> Result<serde_json::Map<String, serde_json::Value>, serde_json::Error> {
    match text {
        None | Some("") => Ok(serde_json::Map::new()),
        Some(text) => Ok(serde_json::from_str::<Option<_>>(text)?.unwrap_or_default()),
    }
}

/// A published port, or a range of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Port inside; absent for a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_port: Option<u16>,
    /// Port outside; 0 or absent: one of the dynamic range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// Absent means TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransportProtocol>,
    /// `first-last`, instead of `containerPort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
}

/// A file of `NAME=value` lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFile {
    /// ARN of the object.
    pub value: String,
    /// `s3`.
    pub r#type: String,
}

/// A volume of the task inside a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountPoint {
    /// Name of the volume.
    pub source_volume: String,
    /// Path inside.
    pub container_path: String,
    /// Mounted without write access.
    #[serde(default, deserialize_with = "null_as_default")]
    pub read_only: bool,
}

/// All mounts of another container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeFrom {
    /// Name of the other container.
    pub source_container: String,
    /// Mounted without write access.
    #[serde(default, deserialize_with = "null_as_default")]
    pub read_only: bool,
}

/// One entry of `dependsOn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDependency {
    /// Name of the other container.
    pub container_name: String,
    /// How far it must be.
    pub condition: DependencyCondition,
}

/// Makes a container the task's log router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirelensConfiguration {
    /// `fluentd` or `fluentbit`.
    pub r#type: String,
    /// `enable-ecs-log-metadata`, `config-file-type`, `config-file-value`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub options: BTreeMap<String, String>,
}

/// Local restarts of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestartPolicy {
    /// Whether it is on.
    #[serde(default, deserialize_with = "null_as_default")]
    pub enabled: bool,
    /// Exit codes that end the container for good.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ignored_exit_codes: Vec<i64>,
    /// Seconds a container must have run before it may be restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_attempt_period: Option<i64>,
}

/// An agent that runs inside the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedAgent {
    /// `ExecuteCommandAgent`.
    pub name: String,
    /// Its settings.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub properties: BTreeMap<String, String>,
}
