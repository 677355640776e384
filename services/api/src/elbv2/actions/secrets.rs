//! Secrets of OpenID Connect clients: sealed where they are stored, never shown.

use auth::{Secret, Vault};
use aws_model::elbv2::types::{Action, AuthenticateOidcActionConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, Result};

/// Seals the client secrets of actions under their rule's ARN. `UseExistingClientSecret` takes the sealed one of the actions before.
///
/// # Errors
/// ValidationError when there is no secret, or two.
pub fn sealed(
    vault: &Vault,
    rule_arn: &str,
    mut actions: Vec<Action>,
    before: &[Action],
) -> Result<Vec<Action>> {
    for config in actions
        .iter_mut()
        .filter_map(|action| action.authenticate_oidc_config.as_mut())
    {
        let existing = config.use_existing_client_secret.take().unwrap_or(false);
        config.client_secret = match (config.client_secret.take(), existing) {
            (Some(secret), false) if !secret.is_empty() => {
                Some(STANDARD.encode(vault.seal(rule_arn, &Secret::new(secret))))
            }
            (None, true) => Some(kept(config, before).ok_or_else(|| {
                Error::validation("There is no existing client secret for this issuer and client")
            })?),
            (Some(_), true) => {
                return Err(Error::validation(
                    "You cannot specify both 'ClientSecret' and 'UseExistingClientSecret'",
                ));
            }
            _ => return Err(Error::validation("The ClientSecret must be specified")),
        };
    }
    Ok(actions)
}

/// The sealed secret that the rule had for the same client.
fn kept(config: &AuthenticateOidcActionConfig, before: &[Action]) -> Option<String> {
    let old = before
        .iter()
        .find_map(|action| action.authenticate_oidc_config.as_ref())?;
    let same = old.issuer == config.issuer && old.client_id == config.client_id;
    old.client_secret.clone().filter(|_| same)
}

/// The actions as answers show them.
pub fn shown(mut actions: Vec<Action>) -> Vec<Action> {
    for config in actions
        .iter_mut()
        .filter_map(|action| action.authenticate_oidc_config.as_mut())
    {
        config.client_secret = None;
        config.use_existing_client_secret = None;
    }
    actions
}
