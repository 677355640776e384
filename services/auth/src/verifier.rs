//! Verifies a request's signature and names its caller (W-07).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Region;
use http::request::Parts;
use subtle::ConstantTimeEq;

use crate::canonical::{CanonicalRequest, PathStyle, sha256_hex};
use crate::error::AuthError;
use crate::keys::{Caller, KeyRecord, KeyStatus, Keys};
use crate::presented::{CredentialScope, Presented};
use crate::signing_key::{SigningKeyCache, string_to_sign};
use crate::timestamp::basic;

/// What a verifier accepts.
#[derive(Debug, Clone)]
pub struct VerifierSettings {
    /// How far the client's clock may be off, either way.
    pub clock_skew: TimeDelta,
    /// The regions that are served; `None` serves every well-formed name.
    pub regions: Option<BTreeSet<Region>>,
    pub path_style: PathStyle,
    /// How many derived signing keys are kept at least.
    pub cached_signing_keys: usize,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self {
            clock_skew: TimeDelta::minutes(5),
            regions: None,
            path_style: PathStyle::STANDARD,
            cached_signing_keys: 4096,
        }
    }
}

/// Verifies AWS Signature Version 4 in the header form and the presigned form.
pub struct Verifier {
    keys: Arc<dyn Keys>,
    settings: VerifierSettings,
    signing_keys: SigningKeyCache,
}

impl Verifier {
    pub fn new(keys: Arc<dyn Keys>, settings: VerifierSettings) -> Self {
        let signing_keys = SigningKeyCache::new(settings.cached_signing_keys);
        Self {
            keys,
            settings,
            signing_keys,
        }
    }

    /// The caller of a request whose signature is right: made with a known, active key, within its time, for this
    /// method, path, query, body and all headers that it has to cover.
    ///
    /// # Errors
    /// [`AuthError`] in the order of AWS: unreadable, unknown key, outside its time, wrong.
    pub async fn verify(&self, parts: &Parts, body: &[u8], now: DateTime<Utc>) -> Result<Caller, AuthError> {
        let presented = Presented::of(parts)?;
        let scope = CredentialScope::parse(&presented.credential)?;
        let region = self.region(scope.region)?;
        let key = self.key(&scope, &presented, now).await?;
        check_date(&scope, &presented)?;
        self.check_time(&presented, now)?;
        check_coverage(parts, &presented)?;
        self.check_signature(parts, body, &presented, &scope, &key)?;
        Ok(Caller {
            account: key.account.clone(),
            region,
            service: scope.service.to_owned(),
            principal_arn: key.principal_arn.clone(),
            access_key_id: key.access_key_id.clone(),
            user_id: key.user_id.clone(),
        })
    }

    fn region(&self, name: &str) -> Result<Region, AuthError> {
        let served = |region: &Region| {
            self.settings
                .regions
                .as_ref()
                .is_none_or(|regions| regions.contains(region))
        };
        name.parse().ok().filter(served).ok_or_else(|| {
            AuthError::InvalidSignature(format!(
                "Credential should be scoped to a valid region, not '{name}'."
            ))
        })
    }

    async fn key(
        &self,
        scope: &CredentialScope<'_>,
        presented: &Presented<'_>,
        now: DateTime<Utc>,
    ) -> Result<Arc<KeyRecord>, AuthError> {
        let id = scope.access_key_id;
        if !(1..=128).contains(&id.len())
            || !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(AuthError::UnrecognizedClient);
        }
        let found = self.keys.find(id).await?;
        let key = found
            .filter(|key| key.status == KeyStatus::Active)
            .ok_or(AuthError::UnrecognizedClient)?;
        let same = match (&key.session_token, &presented.session_token) {
            (None, None) => true,
            (Some(expected), Some(given)) => expected.expose().as_bytes().ct_eq(given.as_bytes()).into(),
            _ => false,
        };
        if !same {
            return Err(AuthError::UnrecognizedClient);
        }
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::ExpiredToken);
        }
        Ok(key)
    }

    fn check_time(&self, presented: &Presented<'_>, now: DateTime<Utc>) -> Result<(), AuthError> {
        let skew = self.settings.clock_skew;
        let signed = &presented.timestamp;
        let life = presented.expires.unwrap_or(skew);
        if signed.time + life < now {
            return Err(AuthError::OutsideTimeWindow(format!(
                "Signature expired: {} is now earlier than {} ({} - {})",
                signed.text(),
                basic(now - life),
                basic(now),
                spoken(life)
            )));
        }
        if signed.time - skew > now {
            return Err(AuthError::OutsideTimeWindow(format!(
                "Signature not yet current: {} is still later than {} ({} + {})",
                signed.text(),
                basic(now + skew),
                basic(now),
                spoken(skew)
            )));
        }
        Ok(())
    }

    fn check_signature(
        &self,
        parts: &Parts,
        body: &[u8],
        presented: &Presented<'_>,
        scope: &CredentialScope<'_>,
        key: &KeyRecord,
    ) -> Result<(), AuthError> {
        let payload_hash = sha256_hex(body);
        // A declared hash has to be the body's: UNSIGNED-PAYLOAD and streaming forms belong to S3.
        if parts
            .headers
            .get("x-amz-content-sha256")
            .is_some_and(|declared| declared != payload_hash.as_str())
        {
            return Err(AuthError::SignatureMismatch);
        }
        let request_hash = CanonicalRequest {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            authority: parts.uri.authority().map(http::uri::Authority::as_str),
            signed_headers: &presented.signed_headers,
            payload_hash: &payload_hash,
            path_style: self.settings.path_style,
        }
        .hash()
        .map_err(|_| AuthError::SignatureMismatch)?;
        let CredentialScope {
            date,
            region,
            service,
            ..
        } = *scope;
        let text = string_to_sign(presented.timestamp.text(), date, region, service, &request_hash);
        let expected = self
            .signing_keys
            .sign(&presented.credential, scope, &key.secret, text.as_bytes());
        if bool::from(expected.as_bytes().ct_eq(presented.signature.as_bytes())) {
            Ok(())
        } else {
            Err(AuthError::SignatureMismatch)
        }
    }
}

fn check_date(scope: &CredentialScope<'_>, presented: &Presented<'_>) -> Result<(), AuthError> {
    let signed = &presented.timestamp;
    if scope.date == signed.date() {
        return Ok(());
    }
    Err(AuthError::InvalidSignature(format!(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from \
         '{}'.",
        scope.date,
        signed.date(),
        signed.text()
    )))
}

/// The signature has to cover the host and every `x-amz-*` header that was sent. Only the session token may stay
/// outside (some clients add it after signing): it is compared with the key's own.
fn check_coverage(parts: &Parts, presented: &Presented<'_>) -> Result<(), AuthError> {
    let covered = |name: &str| presented.signed_headers.split(';').any(|signed| signed == name);
    let required = |text: &str| {
        Err(AuthError::InvalidSignature(format!(
            "{text} must be a 'SignedHeader' in the AWS Authorization."
        )))
    };
    if !covered("host") {
        return required("'Host' or ':authority'");
    }
    for name in parts.headers.keys().map(http::HeaderName::as_str) {
        if name.starts_with("x-amz-") && name != "x-amz-security-token" && !covered(name) {
            return required(&format!("'{name}'"));
        }
    }
    Ok(())
}

fn spoken(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    if seconds % 60 == 0 {
        format!("{} min.", seconds / 60)
    } else {
        format!("{seconds} sec.")
    }
}
