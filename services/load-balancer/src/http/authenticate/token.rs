//! JSON Web Tokens: their parts, and what their claims have to say (LB-32).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use routing::action::{ClaimCheck, JwtValidation};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far a provider's clock may be ahead of ours, seconds.
const AHEAD: f64 = 30.0;

pub type Claims = Map<String, Value>;

#[derive(Deserialize)]
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
    /// Extensions that must be understood; none are.
    crit: Option<Value>,
}

/// A token whose signature is still to be checked.
pub struct Token<'a> {
    pub header: Header,
    pub claims: Claims,
    /// Header and claims as they were signed.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Token<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self {
            header,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
        })
    }
}

/// Base64 for URLs; padding is not standard, and some write it.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// `exp` lies ahead; `nbf` and `iat`, where they are, do not.
pub fn is_current(claims: &Claims, now: i64) -> bool {
    let now = now as f64;
    let begun = |name: &str| match claims.get(name) {
        None => true,
        Some(time) => time.as_f64().is_some_and(|time| time <= now + AHEAD),
    };
    let expiry = claims.get("exp").and_then(Value::as_f64);
    expiry.is_some_and(|expiry| now < expiry) && begun("nbf") && begun("iat")
}

pub fn is_from(claims: &Claims, issuer: &str) -> bool {
    claims.get("iss").and_then(Value::as_str) == Some(issuer)
}

/// Whether the token is meant for this client: `aud` is a name or a list of them.
pub fn is_for(claims: &Claims, client: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(audience)) => audience == client,
        Some(Value::Array(audiences)) => audiences.iter().any(|one| one.as_str() == Some(client)),
        _ => false,
    }
}

/// Whether the claims of a token with a good signature satisfy the action.
pub fn satisfies(claims: &Claims, action: &JwtValidation, now: i64) -> bool {
    is_current(claims, now)
        && is_from(claims, &action.issuer)
        && action.additional_claims.iter().all(|check| holds(claims, check))
}

/// A single string is one of the values; a list, of either format, holds all of them.
fn holds(claims: &Claims, check: &ClaimCheck) -> bool {
    let wanted = &check.values;
    match (check.format.as_str(), claims.get(&check.name)) {
        ("single-string", Some(Value::String(text))) => wanted.contains(text),
        ("string-array", Some(Value::Array(list))) => wanted
            .iter()
            .all(|value| list.iter().any(|one| one.as_str() == Some(value))),
        ("space-separated-values", Some(Value::String(text))) => {
            wanted.iter().all(|value| text.split(' ').any(|one| one == value))
        }
        _ => false,
    }
}
