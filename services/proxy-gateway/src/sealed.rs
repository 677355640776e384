//! Opens what the database holds sealed, just before it is sent.

use std::sync::Arc;

use auth::Vault;
use store::routes::Unseal;

pub(crate) struct Opener(pub Arc<Vault>);

impl Unseal for Opener {
    fn unseal(&self, owner: &str, sealed: &[u8]) -> Option<String> {
        match self.0.open(owner, sealed) {
            Ok(secret) => Some(secret.expose().to_owned()),
            Err(error) => {
                tracing::error!(owner, %error, "a secret cannot be opened");
                None
            }
        }
    }
}
