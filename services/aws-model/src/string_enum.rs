//! Enums whose values are fixed strings on the wire.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serialize};

/// An enum of fixed strings, made by `string_enum!`.
pub trait StringEnum: Copy + 'static {
    /// All values, in the model's order.
    const ALL: &'static [Self];
    /// Their strings, in the same order.
    const NAMES: &'static [&'static str];
}

/// A string that is none of an enum's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid value '{value}'. Valid values: {}.", valid.join(", "))]
pub struct UnknownValue {
    pub value: String,
    pub valid: &'static [&'static str],
}

/// The value whose string this is.
pub(crate) fn parse<E: StringEnum>(text: &str) -> Result<E, UnknownValue> {
    let at = E::NAMES.iter().position(|name| *name == text);
    at.map(|at| E::ALL[at]).ok_or_else(|| UnknownValue {
        value: text.to_owned(),
        valid: E::NAMES,
    })
}

pub(crate) fn deserialize<'de, E: StringEnum, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    struct Text<E>(PhantomData<E>);
    impl<E: StringEnum> Visitor<'_> for Text<E> {
        type Value = E;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "one of {}", E::NAMES.join(", "))
        }
        fn visit_str<F: Error>(self, text: &str) -> Result<E, F> {
            parse(text).map_err(F::custom)
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}

pub(crate) fn serialize<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    text.serialize(serializer)
}

/// Makes an enum, its strings and their conversions. The default is the first value.
macro_rules! string_enum {
    (pub enum $name:ident { $first:ident = $first_text:literal, $($variant:ident = $text:literal,)* }) => {
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            #[default]
            $first,
            $($variant,)*
        }

        impl $name {
            /// All values, in the model's order.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$variant),*];
            /// Their strings, in the same order.
            pub const NAMES: &'static [&'static str] = &[$first_text, $($text),*];

            /// The string on the wire.
            pub fn as_str(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }

        impl $crate::StringEnum for $name {
            const ALL: &'static [Self] = Self::ALL;
            const NAMES: &'static [&'static str] = Self::NAMES;
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownValue;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::string_enum::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::string_enum::serialize(self.as_str(), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::string_enum::deserialize(deserializer)
            }
        }
    };
}
pub(crate) use string_enum;
