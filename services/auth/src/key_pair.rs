//! New long-lived access keys in the form that AWS gives them.

use kit::Random;

use crate::keys::Secret;

const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key id and its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub access_key_id: String,
    pub secret: Secret,
}

impl KeyPair {
    /// `AKIA` and 16 characters; a secret of 40 characters (240 random bits).
    pub fn generate(random: &Random) -> Self {
        Self {
            access_key_id: format!("AKIA{}", random.text(ID_ALPHABET, 16)),
            secret: Secret::new(random.text(SECRET_ALPHABET, 40)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_the_length_and_letters_that_aws_clients_expect() {
        let pair = KeyPair::generate(&Random::seeded(1));
        assert!(pair.access_key_id.starts_with("AKIA") && pair.access_key_id.len() == 20);
        assert_eq!(pair.secret.expose().len(), 40);
        assert_ne!(pair, KeyPair::generate(&Random::seeded(2)));
    }
}
