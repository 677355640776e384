//! Who sends a request: AWS Signature Version 4, verified in full, and the signing side for our own clients.
//!
//! The crate reads no database: keys come through [`Keys`], sealed ones through [`stored_keys::SealedKeySource`].

pub mod canonical;
pub mod key_pair;
pub mod keys;
pub mod private_file;
pub mod sign;
pub mod stored_keys;
pub mod vault;
pub mod verifier;

mod error;
mod generations;
mod presented;
mod signing_key;
mod timestamp;

pub use error::AuthError;
pub use key_pair::KeyPair;
pub use keys::{Caller, KeyRecord, KeyStatus, Keys, KeysError, Secret};
pub use private_file::PrivateFileError;
pub use sign::{Credentials, SignError, Signer};
pub use stored_keys::{SealedKey, SealedKeySource, StoredKeys};
pub use vault::{MasterKey, Vault, VaultError};
pub use verifier::{Verifier, VerifierSettings};

/// The only signing algorithm that is accepted.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Last part of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
