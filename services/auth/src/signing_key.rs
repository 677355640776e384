//! The key of one day, region and service, derived from a secret, and a bounded cache of such keys.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::generations::Generations;
use crate::keys::Secret;
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
        hex::encode(
            self.mac
                .clone()
                .chain_update(string_to_sign)
                .finalize()
                .into_bytes(),
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

/// Derived keys by credential text (key id, date, region, service), so that a busy client's key is derived once a day.
pub(crate) struct SigningKeyCache {
    entries: Generations<(Secret, SigningKey)>,
}

impl SigningKeyCache {
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Generations::new(capacity),
        }
    }

    /// The key for a scope. A key derived from another secret, as after a replacement of the key, is never given.
    pub fn get(
        &self,
        access_key_id: &str,
        secret: &Secret,
        date: &str,
        region: &str,
        service: &str,
    ) -> SigningKey {
        let name = [access_key_id, date, region, service].join("/");
        if let Some((of, key)) = self.entries.get(&name)
            && of == *secret
        {
            return key;
        }
        let key = SigningKey::derive(secret, date, region, service);
        self.entries.insert(&name, (secret.clone(), key.clone()));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_secret_is_not_served_from_the_cache() {
        let cache = SigningKeyCache::new(8);
        let sign = |secret: &str| {
            cache
                .get("AKID", &Secret::new(secret), "20150830", "us-east-1", "ecs")
                .sign(b"text")
        };
        let first = sign("one");
        assert_eq!(sign("one"), first);
        assert_ne!(sign("two"), first);
        assert_eq!(sign("one"), first);
    }
}
