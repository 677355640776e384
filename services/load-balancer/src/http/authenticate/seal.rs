//! Values that browsers keep for us and must neither read nor make: AES-256-GCM under the load balancer's cookie key, which all proxies share.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub struct Seal(LessSafeKey);

impl Seal {
    /// None for what is not 32 bytes in hexadecimal.
    pub fn new(key: &str) -> Option<Self> {
        let key = hex::decode(key).ok()?;
        Some(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?)))
    }

    /// A value that opens for the same purpose only. None if the system has no randomness.
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut text = serde_json::to_vec(value).ok()?;
        let aad = Aad::from(purpose.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()))
    }

    /// None unless this key sealed it for this purpose.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), text);
        serde_json::from_slice(opened.ok()?).ok()
    }
}

/// 128 random bits in hexadecimal. None if the system has no randomness.
pub fn secret() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}
