//! Actions that let users or bearers of tokens pass (HTTPS listeners only).

use aws_model::elbv2::types::{
    Action, AuthenticateOidcActionConditionalBehaviorEnum, AuthenticateOidcActionConfig,
    JwtValidationActionAdditionalClaimFormatEnum,
};

use super::{Ground, invalid, required};
use crate::{Error, Result};

/// Longest session and its default, in seconds: seven days.
const SESSION: i64 = 604_800;
/// Parameters that a sign-in may carry besides OpenID Connect's own.
const EXTRA_PARAMETERS: usize = 10;
const OWN_PARAMETERS: [&str; 5] = ["client_id", "redirect_uri", "response_type", "scope", "state"];
/// Claims that a token is checked for besides issuer and times.
const CLAIMS: usize = 10;
const CLAIM_VALUES: usize = 10;
const CHECKED_CLAIMS: [&str; 4] = ["exp", "iss", "nbf", "iat"];

/// Signs users in at an OpenID Connect provider.
pub fn oidc(action: Action, ground: Ground<'_>) -> Result<Action> {
    https_only(&action, ground)?;
    let given = required(
        action.authenticate_oidc_config,
        "AuthenticateOidcConfig",
        action.r#type,
    )?;
    for (name, url) in [
        ("Issuer", &given.issuer),
        ("AuthorizationEndpoint", &given.authorization_endpoint),
        ("TokenEndpoint", &given.token_endpoint),
        ("UserInfoEndpoint", &given.user_info_endpoint),
    ] {
        https_url(name, url)?;
    }
    if given.client_id.is_empty() {
        return Err(Error::validation("The ClientId must be specified"));
    }
    let cookie = given
        .session_cookie_name
        .unwrap_or_else(|| "AWSELBAuthSessionCookie".to_owned());
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if cookie.is_empty() || !cookie.chars().all(token) {
        return Err(Error::validation(format!(
            "Session cookie name '{cookie}' is not valid"
        )));
    }
    let timeout = given.session_timeout.unwrap_or(SESSION);
    if !(1..=SESSION).contains(&timeout) {
        return Err(Error::validation(format!(
            "The session timeout must be between '1' and '{SESSION}' seconds"
        )));
    }
    let extra = given
        .authentication_request_extra_params
        .filter(|extra| !extra.is_empty());
    if let Some(extra) = &extra {
        if extra.len() > EXTRA_PARAMETERS {
            return Err(Error::validation(format!(
                "You can specify up to '{EXTRA_PARAMETERS}' extra authentication request parameters"
            )));
        }
        if let Some(own) = extra.keys().find(|key| OWN_PARAMETERS.contains(&key.as_str())) {
            return Err(Error::validation(format!(
                "Extra authentication request parameter '{own}' is set by the load balancer"
            )));
        }
    }
    let scope = given.scope.unwrap_or_else(|| "openid".to_owned());
    if !scope.split(' ').any(|word| word == "openid") {
        return Err(Error::validation("The scope must contain 'openid'"));
    }
    let unauthenticated = given
        .on_unauthenticated_request
        .unwrap_or(AuthenticateOidcActionConditionalBehaviorEnum::Authenticate);
    Ok(Action {
        r#type: action.r#type,
        authenticate_oidc_config: Some(AuthenticateOidcActionConfig {
            session_cookie_name: Some(cookie),
            scope: Some(scope),
            session_timeout: Some(timeout),
            authentication_request_extra_params: extra,
            on_unauthenticated_request: Some(unauthenticated),
            ..given
        }),
        ..Action::default()
    })
}

/// Lets only requests with a valid bearer token pass.
pub fn jwt(action: Action, ground: Ground<'_>) -> Result<Action> {
    https_only(&action, ground)?;
    let given = required(action.jwt_validation_config, "JwtValidationConfig", action.r#type)?;
    https_url("JwksEndpoint", &given.jwks_endpoint)?;
    if given.issuer.is_empty() || given.issuer.chars().count() > 256 {
        return Err(Error::validation("The Issuer must have 1 to 256 characters"));
    }
    let claims = given.additional_claims.as_deref().unwrap_or_default();
    if claims.len() > CLAIMS {
        return Err(Error::validation(format!(
            "You can specify up to '{CLAIMS}' additional claims"
        )));
    }
    for (at, claim) in claims.iter().enumerate() {
        let name = claim.name.as_str();
        if name.is_empty() || CHECKED_CLAIMS.contains(&name) {
            return Err(Error::validation(format!(
                "Additional claim name '{name}' is not valid"
            )));
        }
        if claims[..at].iter().any(|earlier| earlier.name == name) {
            return Err(Error::validation(format!(
                "Additional claim '{name}' is specified more than once"
            )));
        }
        let single = claim.format == JwtValidationActionAdditionalClaimFormatEnum::SingleString;
        let most = if single { 1 } else { CLAIM_VALUES };
        if claim.values.is_empty() || claim.values.len() > most {
            return Err(Error::validation(format!(
                "Additional claim '{name}' with format '{}' must have '1' to '{most}' values",
                claim.format
            )));
        }
    }
    Ok(Action {
        r#type: action.r#type,
        jwt_validation_config: Some(given),
        ..Action::default()
    })
}

fn https_only(action: &Action, ground: Ground<'_>) -> Result<()> {
    match ground.protocol {
        "HTTPS" => Ok(()),
        _ => Err(invalid(format!(
            "Actions of type '{}' are supported only on HTTPS listeners",
            action.r#type
        ))),
    }
}

/// A whole URL with HTTPS and a host.
fn https_url(name: &str, url: &str) -> Result<()> {
    let host = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    let clean = !url.chars().any(|c| c.is_whitespace() || c.is_control()) && !host.contains('@');
    match !host.is_empty() && clean {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "The {name} must be a full URL, with the HTTPS protocol, the domain and the path"
        ))),
    }
}
