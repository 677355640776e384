//! Seals secrets for storage, so that the database alone does not reveal them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kit::Random;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::Secret;

/// First byte of everything sealed today: AES-256-GCM, 12-byte nonce before the ciphertext.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// Why a master key cannot be had, or a secret not be opened.
#[derive(Debug, Error)]
pub enum VaultError {
    #[error("a master key is 32 bytes, written as 64 hexadecimal digits or as base64")]
    MasterKeyText,
    #[error("the master key file {path} could not be read or made")]
    File { path: PathBuf, source: io::Error },
    #[error("the master key file {0} may be read by others; make it private with: chmod 600 {0}")]
    ReadableByOthers(PathBuf),
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
        let failed = |source| VaultError::File {
            path: path.to_owned(),
            source,
        };
        match read_private(path) {
            Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            read => return Self::parse(&read?),
        }
        let key = Self::generate(random);
        let draft = path.with_extension(format!("{}.new", random.hex32()));
        let made = write_private(&draft, &key).and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all(),
        });
        let removed = fs::remove_file(&draft);
        made.and(removed).map_err(failed)?;
        Self::parse(&read_private(path)?)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, VaultError> {
    let failed = |source| VaultError::File {
        path: path.to_owned(),
        source,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(VaultError::ReadableByOthers(path.to_owned()));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

fn write_private(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let text = Zeroizing::new(hex::encode(*key.0));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
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
