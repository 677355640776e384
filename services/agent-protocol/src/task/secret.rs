//! Registry credentials and secrets of a payload container, which the agent fetches itself.

use crate::wire::words;
use serde::{Deserialize, Serialize};

words! {
    /// Where a secret lies.
    pub enum SecretProvider {
        /// Parameter Store.
        Ssm = "ssm",
        /// Secrets Manager.
        Asm = "asm",
    }
}

words! {
    /// How a secret reaches its target.
    pub enum SecretType {
        /// As an environment variable.
        EnvironmentVariable = "ENVIRONMENT_VARIABLE",
        /// As a file.
        MountPoint = "MOUNT_POINT",
        /// As an option of the log driver.
        Bootstrap = "BOOTSTRAP",
    }
}

words! {
    /// Who gets a secret.
    pub enum SecretTarget {
        /// The container; also what an absent target means.
        Container = "CONTAINER",
        /// Its log driver.
        LogDriver = "LOG_DRIVER",
    }
}

words! {
    /// Kind of registry credentials.
    pub enum RegistryAuthenticationType {
        /// Token from ECR.
        Ecr = "ecr",
        /// User name and password from Secrets Manager.
        Asm = "asm",
    }
}

/// Credentials for pulling an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryAuthentication {
    /// Which of the two below.
    pub r#type: RegistryAuthenticationType,
    /// For `ecr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecr_auth_data: Option<EcrAuthData>,
    /// For `asm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asm_auth_data: Option<AsmAuthData>,
}

/// Token from ECR.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EcrAuthData {
    /// Account of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// Region of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Another address of the ECR API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_override: Option<String>,
    /// Whether to ask with the execution role's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_execution_role: Option<bool>,
}

/// User name and password from Secrets Manager: JSON with `username` and `password`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsmAuthData {
    /// The secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_parameter: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A secret that the agent fetches with the execution role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Environment variable or log option that takes it.
    pub name: String,
    /// Name or ARN; for Secrets Manager with `:jsonKey:versionStage:versionId` after it.
    pub value_from: String,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<SecretProvider>,
    /// How it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<SecretType>,
    /// Who gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SecretTarget>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// For `MOUNT_POINT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
}
