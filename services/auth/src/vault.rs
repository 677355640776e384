//! Seals secrets for storage, so that the database alone does not reveal them.

use std::fmt;
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kit::Random;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::Secret;
use crate::private_file::{self, PrivateFileError};

/// First byte of everything sealed today: AES-256-GCM, 12-byte nonce before the ciphertext.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// Why a master key cannot be had, or a secret not be opened.
#[derive(Debug, Error)]
pub enum VaultError {
    #[error("a master key is 32 bytes, written as 64 hexadecimal digits or as base64")]
    MasterKeyText,
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error("the secret was sealed in form {0}, which this version does not know")]
    UnknownVersion(u8),
    #[error("the secret cannot be opened: another master key, or a changed or swapped row")]
    Open,
}

/// The 32 bytes that seal everything else. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new key.
    pub fn generate(random: &Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut *bytes);
        Self(bytes)
    }

    /// Reads a key from text: hexadecimal, or base64 of either alphabet.
    ///
    /// # Errors
    /// [`VaultError::MasterKeyText`].
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let plain = text.trim_end_matches('=');
        let bytes = hex::decode(text)
            .ok()
            .or_else(|| STANDARD.decode(text).ok())
            .or_else(|| URL_SAFE_NO_PAD.decode(plain).ok())
            .map(Zeroizing::new)
            .ok_or(VaultError::MasterKeyText)?;
        let bytes: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::MasterKeyText)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The key in a file of mode 0600, which is made if it is missing. Of several processes that make it at once, one wins
    /// and all use its key.
    ///
    /// # Errors
    /// When the file cannot be read or written, others may read it, or its text is no key.
    pub fn load_or_create(path: &Path, random: &Random) -> Result<Self, VaultError> {
        let fresh = || Zeroizing::new(hex::encode(*Self::generate(random).0) + "\n");
        Self::parse(&private_file::read_or_create(path, random, fresh)?)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// Seals and opens secrets with a master key. What was sealed for one access key cannot be opened as another's.
pub struct Vault {
    cipher: Aes256Gcm,
    random: Random,
}

impl Vault {
    /// `random` makes the nonces, so it has to come from the operating system outside of tests.
    pub fn new(key: &MasterKey, random: Random) -> Self {
        Self {
            cipher: Aes256Gcm::new(key.0.as_slice().into()),
            random,
        }
    }

    /// The sealed form of a secret that belongs to `access_key_id`: version, nonce, ciphertext with tag.
    pub fn seal(&self, access_key_id: &str, secret: &Secret) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        self.random.fill(&mut nonce);
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: access_key_id.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("a secret is far shorter than 64 GiB");
        [&[VERSION][..], &nonce, &sealed].concat()
    }

    /// Opens what [`Vault::seal`] gave for the same access key.
    ///
    /// # Errors
    /// [`VaultError::UnknownVersion`] or [`VaultError::Open`].
    pub fn open(&self, access_key_id: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        let (&version, rest) = sealed.split_first().ok_or(VaultError::Open)?;
        if version != VERSION {
            return Err(VaultError::UnknownVersion(version));
        }
        let (nonce, msg) = rest.split_at_checked(NONCE_LENGTH).ok_or(VaultError::Open)?;
        let payload = Payload {
            msg,
            aad: access_key_id.as_bytes(),
        };
        let bytes = self
            .cipher
            .decrypt(Nonce::from_slice(nonce), payload)
            .map_err(|_| VaultError::Open)?;
        String::from_utf8(bytes)
            .map(Secret::new)
            .map_err(|_| VaultError::Open)
    }
}

#[cfg(test)]
mod tests;
