//! The task as it travels inside a payload.

mod container;
mod network;
mod secret;
mod volume;

pub use container::{
    Container, ContainerDependency, DependencyCondition, DockerConfig, EnvironmentFile,
    FirelensConfiguration, HealthCheckType, ManagedAgent, MountPoint, PortMapping, RestartPolicy,
    TransportProtocol, VolumeFrom,
};
pub use network::{
    Attachment, AttachmentProperty, ElasticNetworkInterface, InterfaceVlanProperties, Ipv4Address,
    Ipv6Address, ProxyConfiguration,
};
pub use secret::{
    AsmAuthData, EcrAuthData, RegistryAuthentication, RegistryAuthenticationType, Secret, SecretProvider,
    SecretTarget, SecretType,
};
pub use volume::{
    DockerVolumeConfiguration, DockerVolumeScope, EfsAuthorizationConfig, EfsVolumeConfiguration, HostVolume,
    Volume, VolumeType,
};

use crate::credentials::RoleCredentials;
use crate::wire::{null_as_default, words};
use serde::{Deserialize, Serialize};

words! {
    /// What the control plane wants of a task. It sends only `RUNNING` and `STOPPED`.
    #[derive(Default)]
    pub enum DesiredStatus {
        /// Nothing wanted yet.
        #[default]
        None = "NONE",
        /// Digests resolved.
        ManifestPulled = "MANIFEST_PULLED",
        /// Containers made.
        Created = "CREATED",
        /// Containers run.
        Running = "RUNNING",
        /// Containers are stopped.
        Stopped = "STOPPED",
    }
}

words! {
    /// The task's network mode, for the agent's own logic; Docker's comes from `dockerConfig.hostConfig`.
    pub enum NetworkMode {
        /// Docker's bridge; also what an absent mode means.
        Bridge = "bridge",
        /// The host's network.
        Host = "host",
        /// An interface of its own.
        Awsvpc = "awsvpc",
        /// No network.
        None = "none",
    }
}

words! {
    /// What kind of capacity the task was placed on.
    pub enum LaunchType {
        /// A container instance.
        Ec2 = "EC2",
        /// A host outside of EC2.
        External = "EXTERNAL",
        /// Skips the agent's resource accounting.
        Fargate = "FARGATE",
    }
}

/// One task of a payload. With `STOPPED` for a task the agent knows, `arn` and `desiredStatus` are enough.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Full ARN; the task id is what follows its last slash.
    pub arn: String,
    /// The task's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Task definition family.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub family: String,
    /// Task definition revision, as text.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub version: String,
    /// What is wanted.
    pub desired_status: DesiredStatus,
    /// The containers.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub containers: Vec<Container>,
    /// Volumes that mount points name.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub volumes: Vec<Volume>,
    /// Absent means bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Limit of the whole task in **vCPUs** (0.25); absent or 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Limit of the whole task in MiB; absent or 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
    /// Keys of the task role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_credentials: Option<RoleCredentials>,
    /// Keys of the execution role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_credentials: Option<RoleCredentials>,
    /// Shown in task metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<LaunchType>,
    /// `host` or `task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<String>,
    /// `host`, `task` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<String>,
    /// Shown in task metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Shown in task metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Interfaces of an awsvpc task.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
    /// App Mesh proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// GPUs and other devices, tied to containers.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub associations: Vec<Association>,
    /// EBS volumes, Service Connect and such.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub attachments: Vec<Attachment>,
    /// Whether containers may call the fault injection endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_fault_injection: Option<bool>,
}

impl Task {
    /// A payload task that stops `arn`.
    pub fn stop(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            desired_status: DesiredStatus::Stopped,
            ..Self::default()
        }
    }
}

/// A device or another thing tied to containers of the task (`type` is `gpu` for GPUs).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Association {
    /// Kind: `gpu`, `elastic-inference`.
    pub r#type: String,
    /// For GPUs the device's UUID.
    pub name: String,
    /// Names of the containers that get it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub containers: Vec<String>,
    /// Served by the metadata endpoint as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<AssociationContent>,
}

/// Content of an association.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociationContent {
    /// `base64` or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The text.
    #[serde(default, deserialize_with = "null_as_default")]
    pub value: String,
}
