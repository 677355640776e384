//! `application/x-www-form-urlencoded`.

use std::fmt::{self, Display};

use thiserror::Error;

/// Most parameters that are read. The longest legal requests (a thousand targets of four members each) have a fifth of that.
const MOST_PARAMETERS: usize = 20_000;

/// The parameters of a form or query string, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(pub(super) Vec<(String, String)>);

/// Why a text is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedForm {
    #[error("A % in the parameters is not followed by two hexadecimal digits.")]
    Escape,
    #[error("The parameters are not UTF-8.")]
    Utf8,
    #[error("There are more than {MOST_PARAMETERS} parameters.")]
    TooMany,
}

impl Form {
    /// Reads `name=value&name=value`; a name alone has an empty value.
    ///
    /// # Errors
    /// When an escape or an encoding is broken, or there are too many parameters.
    pub fn parse(text: &[u8]) -> Result<Self, MalformedForm> {
        let mut parameters = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MOST_PARAMETERS {
                return Err(MalformedForm::TooMany);
            }
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(end + 1..).unwrap_or_default();
            parameters.push((decoded(&pair[..end])?, decoded(value)?));
        }
        Ok(Self(parameters))
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All parameters as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Display for Form {
    /// As it stands in a body: everything but letters, digits and `-._~` is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            let before = if at == 0 { "" } else { "&" };
            write!(f, "{before}{}={}", Encoded(name), Encoded(value))?;
        }
        Ok(())
    }
}

struct Encoded<'a>(&'a str);

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte))?,
                byte if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte))?,
                byte => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Form {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(parameters: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(parameters.into_iter().map(owned).collect())
    }
}

/// With `+` as a space and `%41` as `A`.
fn decoded(text: &[u8]) -> Result<String, MalformedForm> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(*byte).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(MalformedForm::Escape),
                }
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| MalformedForm::Utf8)
}
