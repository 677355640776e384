//! The keys that providers sign tokens with: fetched when they are needed, kept, and fetched again for a key that nobody knew yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::provider::{Ask, ProviderError, Providers};
use super::token::Token;

/// Keys are asked for anew after this.
const FRESH: Duration = Duration::from_secs(300);
/// While the provider cannot be reached, its keys are good for so long.
const USABLE: Duration = Duration::from_secs(3600);
/// Between two fetches that are made for unknown keys or after failures.
const PAUSE: Duration = Duration::from_secs(10);
/// Endpoints that are remembered; rules come and go.
const ENDPOINTS: usize = 1024;

/// Key sets by endpoint.
#[derive(Default)]
pub struct Keys(Mutex<HashMap<String, Arc<Endpoint>>>);

#[derive(Default)]
struct Endpoint {
    set: ArcSwapOption<KeySet>,
    /// When an unknown key or a failure last led to a fetch. Whoever fetches holds it.
    hurried: tokio::sync::Mutex<Option<Instant>>,
}

struct KeySet {
    fetched: Instant,
    keys: Vec<Key>,
}

impl Keys {
    /// Whether a key of this endpoint signed the token. An error if its keys cannot be had.
    pub async fn verify(
        &self,
        providers: &Providers,
        endpoint: &str,
        token: &Token<'_>,
    ) -> Result<bool, ProviderError> {
        let kept = self.endpoint(endpoint);
        if let Some(set) = kept.set.load_full()
            && set.fetched.elapsed() < FRESH
            && set.knows(token)
        {
            return Ok(set.verifies(token));
        }
        let set = kept.renewed(providers, endpoint, token).await?;
        Ok(set.verifies(token))
    }

    fn endpoint(&self, endpoint: &str) -> Arc<Endpoint> {
        let mut endpoints = self.0.lock();
        if let Some(kept) = endpoints.get(endpoint) {
            return kept.clone();
        }
        if endpoints.len() >= ENDPOINTS {
            endpoints.clear();
        }
        endpoints.entry(endpoint.to_owned()).or_default().clone()
    }
}

impl Endpoint {
    /// The keys after a fetch, if one was due; else those that are there.
    async fn renewed(
        &self,
        providers: &Providers,
        endpoint: &str,
        token: &Token<'_>,
    ) -> Result<Arc<KeySet>, ProviderError> {
        let mut hurried = self.hurried.lock().await;
        let kept = self.set.load_full().filter(|set| set.fetched.elapsed() < USABLE);
        let fresh = kept.as_ref().filter(|set| set.fetched.elapsed() < FRESH);
        if let Some(set) = fresh
            && set.knows(token)
        {
            return Ok(set.clone());
        }
        if hurried.is_some_and(|at| at.elapsed() < PAUSE) {
            return kept.ok_or(ProviderError::Unusable("it failed a moment ago"));
        }
        let had_fresh = fresh.is_some();
        match fetch(providers, endpoint).await {
            Ok(set) => {
                if had_fresh {
                    *hurried = Some(Instant::now());
                }
                let set = Arc::new(set);
                self.set.store(Some(set.clone()));
                Ok(set)
            }
            Err(error) => {
                *hurried = Some(Instant::now());
                tracing::warn!(endpoint, %error, "the keys of a token issuer cannot be fetched");
                kept.ok_or(error)
            }
        }
    }
}

async fn fetch(providers: &Providers, endpoint: &str) -> Result<KeySet, ProviderError> {
    let reply = providers.ask(endpoint, Ask::Get { bearer: None }).await?;
    if reply.status != 200 {
        return Err(ProviderError::Refused(reply.status));
    }
    KeySet::read(&reply.body).ok_or(ProviderError::Unusable("no set of JSON web keys"))
}

struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
}

/// A key as JSON writes it.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    fn read(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(text).ok()?;
        // Sets may hold keys of kinds that are of no use here.
        let keys = document.keys.into_iter().filter_map(|value| {
            let written: Written = serde_json::from_value(value).ok()?;
            Key::read(written)
        });
        Some(Self {
            fetched: Instant::now(),
            keys: keys.collect(),
        })
    }

    /// The keys that may have signed the token: the one that it names, or all of them.
    fn candidates<'a>(&'a self, token: &'a Token<'_>) -> impl Iterator<Item = &'a Key> {
        let named = token.header.kid.as_ref();
        self.keys
            .iter()
            .filter(move |key| named.is_none() || key.id.as_ref() == named)
    }

    fn knows(&self, token: &Token<'_>) -> bool {
        self.candidates(token).next().is_some()
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        self.candidates(token).any(|key| key.verifies(token))
    }
}

impl Key {
    fn read(written: Written) -> Option<Self> {
        if written.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let number = |part: Option<String>| URL_SAFE_NO_PAD.decode(part?.trim_end_matches('=')).ok();
        let material = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: number(written.n)?
                    .into_iter()
                    .skip_while(|byte| *byte == 0)
                    .collect(),
                e: number(written.e)?
                    .into_iter()
                    .skip_while(|byte| *byte == 0)
                    .collect(),
            },
            // An uncompressed point.
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let point = [vec![4], number(written.x)?, number(written.y)?].concat();
                match curve {
                    "P-256" => Material::P256(point),
                    _ => Material::P384(point),
                }
            }
            _ => return None,
        };
        Some(Self {
            id: written.kid,
            algorithm: written.alg,
            material,
        })
    }

    /// The algorithm has to be the key's: a token does not choose how it is looked at.
    fn verifies(&self, token: &Token<'_>) -> bool {
        let algorithm = token.header.alg.as_str();
        if self.algorithm.as_ref().is_some_and(|ours| ours != algorithm) {
            return false;
        }
        let (signed, signature) = (token.signed, token.signature.as_slice());
        let checked = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, "RS256" | "RS384" | "RS512") => {
                let parameters = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            (Material::P256(point), "ES256") => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            (Material::P384(point), "ES384") => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            _ => return false,
        };
        checked.is_ok()
    }
}
