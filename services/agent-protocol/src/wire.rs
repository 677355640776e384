//! What all messages share: the `{"type","message"}` envelope, open word lists, lenient members.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Why a text frame could not be read. The official agent drops such frames with a log line and no ack.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The frame is no JSON object with a `type`.
    #[error("frame is not a message envelope: {0}")]
    Envelope(#[source] serde_json::Error),
    /// The type is known, but its message has a wrong shape or lacks a required member.
    #[error("{message_type} has a wrong shape: {source}")]
    Message {
        /// The envelope's `type`.
        message_type: String,
        /// What was wrong, with line and column inside the message.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct EnvelopeIn<'a> {
    r#type: String,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct EnvelopeOut<'a, M> {
    r#type: &'a str,
    message: &'a M,
}

/// Splits an envelope into its type and the text of its message (`{}` when absent or null).
pub(crate) fn open(text: &str) -> Result<(String, &str), DecodeError> {
    let envelope: EnvelopeIn<'_> = serde_json::from_str(text).map_err(DecodeError::Envelope)?;
    Ok((envelope.r#type, envelope.message.map_or("{}", RawValue::get)))
}

pub(crate) fn read<'a, M: Deserialize<'a>>(message_type: &str, message: &'a str) -> Result<M, DecodeError> {
    serde_json::from_str(message).map_err(|source| DecodeError::Message {
        message_type: message_type.to_owned(),
        source,
    })
}

pub(crate) fn seal<M: Serialize>(message_type: &str, message: &M) -> String {
    serde_json::to_string(&EnvelopeOut {
        r#type: message_type,
        message,
    })
    .expect("messages have string keys only, so they always encode")
}

/// A member that may be absent or `null`: both mean the type's default, as in Go's decoder.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Times as JSON numbers: epoch seconds with decimals for milliseconds.
pub(crate) mod epoch_seconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn to_number(time: &DateTime<Utc>) -> f64 {
        time.timestamp_millis() as f64 / 1000.0
    }

    pub(crate) fn from_number<E: serde::de::Error>(seconds: f64) -> Result<DateTime<Utc>, E> {
        DateTime::from_timestamp_millis((seconds * 1000.0).round() as i64)
            .ok_or_else(|| E::custom("time out of range"))
    }

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(to_number(time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        from_number::<D::Error>(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }

    pub(crate) mod option {
        use super::{DateTime, Deserialize, Deserializer, Serializer, Utc};

        pub(crate) fn serialize<S: Serializer>(
            time: &Option<DateTime<Utc>>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<DateTime<Utc>>, D::Error> {
            Option::<f64>::deserialize(deserializer)?
                .map(super::from_number)
                .transpose()
        }
    }
}

/// A word list that stays open: a word this version does not know is kept in `Other` and encodes unchanged.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = concat!("`", $word, "` on the wire.")] $variant,)+
            /// A word this version does not know, kept as it came.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(word.as_ref()))
            }
        }
    };
}

/// An enum over the message types of one direction of one websocket.
macro_rules! envelope {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident($body:ty) = $wire:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant($body),)+
            /// A type this version does not know; to be passed over.
            Unknown {
                /// The envelope's `type`.
                r#type: String,
            },
        }

        impl $name {
            /// The envelope's `type`.
            pub fn message_type(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $wire,)+
                    Self::Unknown { r#type } => r#type,
                }
            }

            /// Reads one JSON text frame. Unknown types are no error; a known type with a wrong shape is.
            pub fn decode(text: &str) -> Result<Self, $crate::DecodeError> {
                let (message_type, message) = $crate::wire::open(text)?;
                Ok(match message_type.as_str() {
                    $($wire => Self::$variant($crate::wire::read($wire, message)?),)+
                    _ => Self::Unknown { r#type: message_type },
                })
            }

            /// Writes the JSON text frame.
            pub fn encode(&self) -> String {
                match self {
                    $(Self::$variant(message) => $crate::wire::seal($wire, message),)+
                    Self::Unknown { r#type } => $crate::wire::seal(r#type, &serde_json::Map::new()),
                }
            }
        }
    };
}

pub(crate) use {envelope, words};
