//! Sessions of signed-in users. Browsers keep them, sealed, in cookies of at most 4 KB: `<name>-0`, `<name>-1` and so on.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::seal::Seal;
use super::token::Claims;
use crate::http::head::{Known, RequestHead};

/// Octets of a cookie's value; its name and attributes need the rest of 4096.
const SHARD: usize = 3700;
const SHARDS: usize = 4;

#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub subject: String,
    pub access_token: String,
    pub refresh_token: Option<String>,
    /// What the user info endpoint says.
    pub claims: Claims,
    /// When the access token ends, in Unix seconds, if the provider told.
    pub access_until: Option<i64>,
    /// When the user has to sign in again, in Unix seconds.
    pub until: i64,
}

impl Session {
    /// The session in the request's cookies: whole, made here for this purpose, not over.
    pub fn read(request: &RequestHead, name: &str, seal: &Seal, purpose: &str, now: i64) -> Option<Self> {
        let mut sealed = String::new();
        for shard in 0..SHARDS {
            match cookie(request, &shard_name(name, shard)) {
                Some(part) => sealed.push_str(part),
                None => break,
            }
        }
        let session: Self = seal.open(purpose, &sealed)?;
        (now < session.until).then_some(session)
    }

    /// Values of Set-Cookie that keep the session and end shards of a longer one. None if it is too long for cookies.
    pub fn cookies(
        &self,
        request: &RequestHead,
        name: &str,
        seal: &Seal,
        purpose: &str,
    ) -> Option<Vec<String>> {
        let sealed = seal.seal(purpose, self)?;
        let shards = sealed.len().div_ceil(SHARD);
        if shards > SHARDS {
            return None;
        }
        let mut cookies = Vec::with_capacity(shards);
        for shard in 0..SHARDS {
            let name = shard_name(name, shard);
            if let Some(rest) = sealed.get(shard * SHARD..).filter(|rest| !rest.is_empty()) {
                let value = &rest[..rest.len().min(SHARD)];
                cookies.push(set_cookie(&name, value, self.until));
            } else if cookie(request, &name).is_some() {
                cookies.push(set_cookie(&name, "", 0));
            }
        }
        Some(cookies)
    }
}

fn shard_name(name: &str, shard: usize) -> String {
    format!("{name}-{shard}")
}

/// A cookie that scripts and plain HTTP do not see, until a moment in Unix seconds.
pub fn set_cookie(name: &str, value: &str, until: i64) -> String {
    let until = DateTime::from_timestamp(until, 0).unwrap_or(DateTime::UNIX_EPOCH);
    let until = until.format("%a, %d %b %Y %H:%M:%S GMT");
    format!("{name}={value}; Expires={until}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// The value of the request's first cookie of this name.
pub fn cookie<'a>(request: &'a RequestHead, name: &str) -> Option<&'a str> {
    request
        .fields
        .all(Known::Cookie)
        .filter_map(|field| std::str::from_utf8(field).ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
}
