//! What a provider is asked for a user: tokens for a code or for a refresh token, and the user's claims.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use routing::action::AuthenticateOidc;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::provider::{Ask, ProviderError, Providers};
use super::session::Session;
use super::token::{self, Claims, Token};

/// What need not be encoded in forms and queries.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `name=value` pairs as forms and queries hold them.
pub fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| {
        format!(
            "{}={}",
            utf8_percent_encode(name, PLAIN),
            utf8_percent_encode(value, PLAIN)
        )
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: Option<String>,
    refresh_token: Option<String>,
    /// Seconds; some providers write text.
    expires_in: Option<Value>,
}

impl Tokens {
    fn access_until(&self, now: i64) -> Option<i64> {
        let seconds = match self.expires_in.as_ref()? {
            Value::String(text) => text.parse().ok()?,
            number => number.as_i64()?,
        };
        Some(now.saturating_add(seconds))
    }
}

/// The session of a user who came back with `code`; the ID token has to hold `nonce`.
pub async fn begin(
    oidc: &AuthenticateOidc,
    providers: &Providers,
    code: &str,
    redirect_uri: &str,
    nonce: &str,
    now: i64,
) -> Result<Session, ProviderError> {
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
    ];
    let tokens = granted(oidc, providers, &grant).await?;
    let text = tokens
        .id_token
        .as_deref()
        .ok_or(ProviderError::Unusable("no ID token for this scope"))?;
    // It came from the token endpoint itself: its signature would say nothing more.
    let claims = Token::parse(text)
        .ok_or(ProviderError::Unusable("its ID token cannot be read"))?
        .claims;
    let ours = token::is_from(&claims, &oidc.issuer)
        && token::is_for(&claims, &oidc.client_id)
        && token::is_current(&claims, now)
        && claims.get("nonce").and_then(Value::as_str) == Some(nonce);
    let subject = claims.get("sub").and_then(Value::as_str);
    let Some(subject) = subject.filter(|_| ours) else {
        return Err(ProviderError::Unusable("its ID token is for another sign-in"));
    };
    Ok(Session {
        subject: sendable(subject)?,
        claims: user_info(oidc, providers, &tokens.access_token, subject).await?,
        access_until: tokens.access_until(now),
        access_token: sendable(&tokens.access_token)?,
        refresh_token: tokens.refresh_token,
        until: now.saturating_add(i64::try_from(oidc.session_timeout_seconds).unwrap_or(i64::MAX)),
    })
}

/// The session with a new access token and the user's claims as they are now; it ends when it would have ended.
pub async fn renew(
    oidc: &AuthenticateOidc,
    providers: &Providers,
    session: Session,
    refresh_token: &str,
    now: i64,
) -> Result<Session, ProviderError> {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let tokens = granted(oidc, providers, &grant).await?;
    Ok(Session {
        claims: user_info(oidc, providers, &tokens.access_token, &session.subject).await?,
        access_until: tokens.access_until(now),
        access_token: sendable(&tokens.access_token)?,
        refresh_token: tokens.refresh_token.or_else(|| Some(refresh_token.to_owned())),
        ..session
    })
}

/// Asks the token endpoint. The client shows its secret as HTTP Basic, or in the form to a provider that does not take it so.
async fn granted(
    oidc: &AuthenticateOidc,
    providers: &Providers,
    grant: &[(&str, &str)],
) -> Result<Tokens, ProviderError> {
    let client = [oidc.client_id.as_str(), oidc.client_secret.as_str()];
    let basic = STANDARD.encode(
        client
            .map(|part| utf8_percent_encode(part, PLAIN).to_string())
            .join(":"),
    );
    let pairs = grant.iter().copied();
    let ask = Ask::Form {
        basic: Some(&basic),
        body: form(pairs.clone()),
    };
    let mut reply = providers.ask(&oidc.token_endpoint, ask).await?;
    let unknown = || {
        let error: Option<Value> = serde_json::from_slice(&reply.body).ok();
        error.is_some_and(|error| error["error"] == "invalid_client")
    };
    if reply.status == 401 || (reply.status == 400 && unknown()) {
        let secret = [("client_id", client[0]), ("client_secret", client[1])];
        let ask = Ask::Form {
            basic: None,
            body: form(pairs.chain(secret)),
        };
        reply = providers.ask(&oidc.token_endpoint, ask).await?;
    }
    read(reply.status, &reply.body, "no tokens")
}

async fn user_info(
    oidc: &AuthenticateOidc,
    providers: &Providers,
    access_token: &str,
    subject: &str,
) -> Result<Claims, ProviderError> {
    let bearer = Some(access_token);
    let reply = providers
        .ask(&oidc.user_info_endpoint, Ask::Get { bearer })
        .await?;
    let claims: Claims = read(reply.status, &reply.body, "no user info in JSON")?;
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(ProviderError::Unusable("its user info is of another user"));
    }
    Ok(claims)
}

fn read<T: DeserializeOwned>(status: u16, body: &[u8], otherwise: &'static str) -> Result<T, ProviderError> {
    if status != 200 {
        return Err(ProviderError::Refused(status));
    }
    serde_json::from_slice(body).map_err(|_| ProviderError::Unusable(otherwise))
}

/// Goes into a field of the request to the target, so nothing in it may end that field.
fn sendable(text: &str) -> Result<String, ProviderError> {
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (plain && !text.is_empty())
        .then(|| text.to_owned())
        .ok_or(ProviderError::Unusable("what it says fits into no header field"))
}
