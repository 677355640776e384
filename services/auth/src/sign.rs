//! The client's side: signs requests in the header form or as presigned addresses.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use thiserror::Error;

use crate::canonical::{CanonicalError, CanonicalRequest, PathStyle, escaped, sha256_hex};
use crate::keys::Secret;
use crate::presented::MAX_EXPIRES;
use crate::signing_key::{SigningKey, string_to_sign};
use crate::timestamp::Timestamp;
use crate::{ALGORITHM, KeyPair, TERMINATOR};

const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// Why a request cannot be signed.
#[derive(Debug, Error)]
pub enum SignError {
    #[error("a request needs a Host header or an address with a host to be signed")]
    NoHost,
    #[error("a presigned request lives 1 to {MAX_EXPIRES} seconds")]
    Expires,
    #[error("the credentials or the host hold characters that no header can carry")]
    Header(#[from] header::InvalidHeaderValue),
    #[error("the request has no canonical form")]
    Canonical(#[from] CanonicalError),
    #[error("the signed address cannot be built")]
    Address(#[from] http::Error),
}

/// What a client signs with.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret: Secret,
    /// Goes with temporary keys.
    pub session_token: Option<Secret>,
}

impl From<KeyPair> for Credentials {
    fn from(pair: KeyPair) -> Self {
        Self {
            access_key_id: pair.access_key_id,
            secret: pair.secret,
            session_token: None,
        }
    }
}

/// Signs for one service in one region.
#[derive(Debug, Clone)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    service: String,
    path_style: PathStyle,
}

impl Signer {
    pub fn new(credentials: Credentials, region: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            credentials,
            region: region.into(),
            service: service.into(),
            path_style: PathStyle::STANDARD,
        }
    }

    /// For services that treat paths in another way.
    pub fn with_path_style(self, path_style: PathStyle) -> Self {
        Self { path_style, ..self }
    }

    /// Signs in the header form: adds `Host` (from the address, if it is missing), `X-Amz-Date`, `X-Amz-Security-Token`
    /// and `Authorization`, replacing earlier ones. All other headers have to be there already.
    ///
    /// # Errors
    /// [`SignError`]; the request may have got some of the headers by then.
    pub fn sign(&self, parts: &mut Parts, body: &[u8], now: DateTime<Utc>) -> Result<(), SignError> {
        let timestamp = Timestamp::of(now);
        parts.headers.remove(header::AUTHORIZATION);
        ensure_host(parts)?;
        parts
            .headers
            .insert(AMZ_DATE, HeaderValue::from_str(timestamp.text())?);
        if let Some(token) = &self.credentials.session_token {
            let mut value = HeaderValue::from_str(token.expose())?;
            value.set_sensitive(true);
            parts.headers.insert(SECURITY_TOKEN, value);
        }
        let signed_headers = signed_headers(parts);
        let signature = self.signature(parts, body, &timestamp, &signed_headers)?;
        let credential = self.credential(&timestamp);
        parts.headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(&format!(
                "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
            ))?,
        );
        Ok(())
    }

    /// Signs in the query form: the address alone, with the headers that are there now, is good for `expires`.
    ///
    /// # Errors
    /// [`SignError`]; the request may have got some of the parameters by then.
    pub fn presign(
        &self,
        parts: &mut Parts,
        body: &[u8],
        now: DateTime<Utc>,
        expires: Duration,
    ) -> Result<(), SignError> {
        let seconds = i64::try_from(expires.as_secs())
            .ok()
            .filter(|seconds| (1..=MAX_EXPIRES).contains(seconds));
        let seconds = seconds.ok_or(SignError::Expires)?;
        let timestamp = Timestamp::of(now);
        ensure_host(parts)?;
        let signed_headers = signed_headers(parts);
        let mut query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-SignedHeaders={}&X-Amz-Expires={seconds}",
            escaped(self.credential(&timestamp).as_bytes()),
            timestamp.text(),
            escaped(signed_headers.as_bytes()),
        );
        if let Some(token) = &self.credentials.session_token {
            query = format!(
                "{query}&X-Amz-Security-Token={}",
                escaped(token.expose().as_bytes())
            );
        }
        add_query(&mut parts.uri, &query)?;
        let signature = self.signature(parts, body, &timestamp, &signed_headers)?;
        add_query(&mut parts.uri, &format!("X-Amz-Signature={signature}"))
    }

    fn credential(&self, timestamp: &Timestamp) -> String {
        let id = &self.credentials.access_key_id;
        format!(
            "{id}/{}/{}/{}/{TERMINATOR}",
            timestamp.date(),
            self.region,
            self.service
        )
    }

    fn signature(
        &self,
        parts: &Parts,
        body: &[u8],
        timestamp: &Timestamp,
        signed_headers: &str,
    ) -> Result<String, SignError> {
        let request_hash = CanonicalRequest {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            authority: None,
            signed_headers,
            payload_hash: &sha256_hex(body),
            path_style: self.path_style,
        }
        .hash()?;
        let text = string_to_sign(
            timestamp.text(),
            timestamp.date(),
            &self.region,
            &self.service,
            &request_hash,
        );
        let key = SigningKey::derive(
            &self.credentials.secret,
            timestamp.date(),
            &self.region,
            &self.service,
        );
        Ok(key.sign(text.as_bytes()))
    }
}

fn ensure_host(parts: &mut Parts) -> Result<(), SignError> {
    if !parts.headers.contains_key(header::HOST) {
        let authority = parts.uri.authority().ok_or(SignError::NoHost)?;
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        parts.headers.insert(header::HOST, HeaderValue::from_str(host)?);
    }
    Ok(())
}

/// Names of the headers to sign, sorted: all but those that connections and proxies change on the way.
fn signed_headers(parts: &Parts) -> String {
    const CHANGED_ON_THE_WAY: &[HeaderName] = &[
        header::AUTHORIZATION,
        header::CONNECTION,
        header::EXPECT,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::USER_AGENT,
    ];
    let stays = |name: &&HeaderName| {
        !CHANGED_ON_THE_WAY.contains(name)
            && !name.as_str().starts_with("sec-websocket-")
            && name.as_str() != "x-amzn-trace-id"
    };
    let mut names: Vec<&str> = parts
        .headers
        .keys()
        .filter(stays)
        .map(HeaderName::as_str)
        .collect();
    names.sort_unstable();
    names.join(";")
}

fn add_query(uri: &mut Uri, addition: &str) -> Result<(), SignError> {
    let query = match uri.query() {
        Some(query) if !query.is_empty() => format!("{query}&{addition}"),
        _ => addition.to_owned(),
    };
    let path_and_query =
        PathAndQuery::try_from(format!("{}?{query}", uri.path())).map_err(http::Error::from)?;
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path_and_query);
    *uri = Uri::from_parts(parts).map_err(http::Error::from)?;
    Ok(())
}
