//! Credentials of task roles as they travel to an agent.

use crate::wire::{null_as_default, words};
use serde::{Deserialize, Serialize};

words! {
    /// Which of a task's two roles credentials belong to.
    pub enum RoleType {
        /// The task role, handed to containers.
        TaskApplication = "TaskApplication",
        /// The execution role, used by the agent itself.
        TaskExecution = "TaskExecution",
    }
}

/// Temporary credentials of one role of one task. `Debug` hides the secret parts.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleCredentials {
    /// Names this set in `/v2/credentials/<id>` and in acks; stays the same when the keys are renewed.
    pub credentials_id: String,
    /// The role.
    #[serde(default, deserialize_with = "null_as_default")]
    pub role_arn: String,
    /// Access key id.
    #[serde(default, deserialize_with = "null_as_default")]
    pub access_key_id: String,
    /// Secret access key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub secret_access_key: String,
    /// Session token.
    #[serde(default, deserialize_with = "null_as_default")]
    pub session_token: String,
    /// Handed to containers as it is: RFC 3339 UTC.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expiration: String,
    /// Scope of the credentials, if the backend names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_scope: Option<String>,
}

impl std::fmt::Debug for RoleCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleCredentials")
            .field("credentials_id", &self.credentials_id)
            .field("role_arn", &self.role_arn)
            .field("access_key_id", &self.access_key_id)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}
