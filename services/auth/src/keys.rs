//! Access keys as verification needs them, and the caller that it makes of them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{AccountId, Region, Scope};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::vault::VaultError;

/// A text that must not leak: wiped when dropped, never printed, compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the code that computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

/// Whether a key may be used. An inactive one answers as an unknown one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    Active,
    Inactive,
}

/// An access key with its secret opened.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    pub access_key_id: String,
    pub account: AccountId,
    /// ARN of the user, root or assumed role that the key belongs to.
    pub principal_arn: String,
    /// IAM's unique id of the principal, such as `AIDA…`.
    pub user_id: String,
    pub secret: Secret,
    pub status: KeyStatus,
    /// Temporary keys are only good together with this token.
    pub session_token: Option<Secret>,
    /// From this moment on the key's session is over.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a key could not be looked up. Says nothing about the request; the client gets a 500.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error("the access key could not be read")]
    Source(#[source] Box<dyn Error + Send + Sync>),
    #[error("the secret of access key {access_key_id} could not be opened")]
    Open {
        access_key_id: String,
        source: VaultError,
    },
}

/// Where keys come from.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The key with this id; `None` when there is none.
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError>;
}

/// Who sent a request, proven by its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: AccountId,
    /// From the signature's scope: the namespace that the request works in.
    pub region: Region,
    /// From the signature's scope, such as `ecs`.
    pub service: String,
    pub principal_arn: String,
    pub access_key_id: String,
    pub user_id: String,
}

impl Caller {
    /// The caller's account in the region that was signed for.
    pub fn scope(&self) -> Scope {
        Scope::new(self.account.clone(), self.region.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let printed = format!("{:?}", Secret::new("wJalrXUtnFEMI"));
        assert_eq!(printed, "Secret(***)");
        assert!(Secret::new("a") == Secret::new("a") && Secret::new("a") != Secret::new("ab"));
    }
}
