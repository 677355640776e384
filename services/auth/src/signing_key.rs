//! The key of one day, region and service, derived from a secret, and a bounded cache of such keys.

use std::sync::Arc;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::canonical::lower_hex;
use crate::generations::Generations;
use crate::keys::Secret;
use crate::presented::CredentialScope;
use crate::{ALGORITHM, TERMINATOR};

type HmacSha256 = Hmac<Sha256>;

/// Ready to sign: holds the state after the key was taken in.
#[derive(Clone)]
pub(crate) struct SigningKey {
    mac: HmacSha256,
}

impl SigningKey {
    pub fn derive(secret: &Secret, date: &str, region: &str, service: &str) -> Self {
        let first = zeroize::Zeroizing::new([b"AWS4", secret.expose().as_bytes()].concat());
        let key = [date, region, service, TERMINATOR]
            .iter()
            .fold(first.to_vec(), |key, part| {
                keyed(&key).chain_update(part).finalize().into_bytes().to_vec()
            });
        Self { mac: keyed(&key) }
    }

    /// The signature of a string to sign: 64 lower-case hexadecimal digits.
    pub fn sign(&self, string_to_sign: &[u8]) -> String {
        lower_hex(
            &self
                .mac
                .clone()
                .chain_update(string_to_sign)
                .finalize()
                .into_bytes()
                .into(),
        )
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The string to sign for a canonical request whose hash is given in hexadecimal.
pub(crate) fn string_to_sign(
    timestamp: &str,
    date: &str,
    region: &str,
    service: &str,
    request_hash: &str,
) -> String {
    format!("{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/{TERMINATOR}\n{request_hash}")
}

/// Derived keys by credential text, which names key id, date, region and service, so that a busy client's key is derived
/// once a day.
pub(crate) struct SigningKeyCache {
    entries: Generations<Arc<Derived>>,
}

/// A key, and the secret that it was derived from.
struct Derived {
    secret: Secret,
    key: SigningKey,
}

impl SigningKeyCache {
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Generations::new(capacity),
        }
    }

    /// Signs with the key of a credential. A key derived from another secret, as after a replacement of the access key, is
    /// never used.
    pub fn sign(
        &self,
        credential: &str,
        scope: &CredentialScope<'_>,
        secret: &Secret,
        text: &[u8],
    ) -> String {
        if let Some(derived) = self
            .entries
            .get(credential)
            .filter(|derived| derived.secret == *secret)
        {
            return derived.key.sign(text);
        }
        let key = SigningKey::derive(secret, scope.date, scope.region, scope.service);
        let signature = key.sign(text);
        self.entries.insert(
            credential,
            Arc::new(Derived {
                secret: secret.clone(),
                key,
            }),
        );
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_secret_is_not_served_from_the_cache() {
        let cache = SigningKeyCache::new(8);
        let credential = "AKID/20150830/us-east-1/ecs/aws4_request";
        let scope = CredentialScope::parse(credential).expect("a whole credential");
        let sign = |secret: &str| cache.sign(credential, &scope, &Secret::new(secret), b"text");
        let first = sign("one");
        assert_eq!(sign("one"), first);
        assert_ne!(sign("two"), first);
        assert_eq!(sign("one"), first);
    }
}
