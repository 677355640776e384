//! The namespace that every resource lives in: one account in one region.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not an account id or a region name.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScopeError {
    #[error("an account id has 12 digits, got '{0}'")]
    Account(String),
    #[error("'{0}' is not a region name such as us-east-1")]
    Region(String),
}

/// A 12-digit account id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// A region name such as `us-east-1`; any well-formed name is a region of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// An account in a region. The first parameter of every function of `store`, so that an unscoped query looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    pub account: AccountId,
    pub region: Region,
}

impl Scope {
    pub fn new(account: AccountId, region: Region) -> Self {
        Self { account, region }
    }
}

impl FromStr for AccountId {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError::Account(text.to_owned()))
        }
    }
}

impl FromStr for Region {
    type Err = ScopeError;
    /// Lower-case words joined by `-`, at least two of them, the last one starting with a digit (`us-east-1`), at most 32 characters.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let words: Vec<&str> = text.split('-').collect();
        let word =
            |w: &&str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let numbered = words
            .last()
            .is_some_and(|w| w.starts_with(|c: char| c.is_ascii_digit()));
        if text.len() <= 32 && words.len() >= 2 && numbered && words.iter().all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError::Region(text.to_owned()))
        }
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = ScopeError;
            fn try_from(text: String) -> Result<Self, ScopeError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
    };
}
text_type!(AccountId);
text_type!(Region);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_any_well_formed_name() {
        for good in [
            "us-east-1",
            "eu-central-2",
            "local-1",
            "us-gov-west-1",
            "my-dc-3b",
        ] {
            assert!(good.parse::<Region>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "us",
            "us-east",
            "US-EAST-1",
            "us--1",
            "us east 1",
            "us-east-1/x",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_id_has_twelve_digits() {
        assert!("000000000000".parse::<AccountId>().is_ok());
        assert!("00000000000".parse::<AccountId>().is_err());
        assert!("00000000000a".parse::<AccountId>().is_err());
    }
}
