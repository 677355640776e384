//! The canonical request: the one text of a request that both sides sign, exactly as AWS writes it.

use std::borrow::Cow;

use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// What is written as it is: letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Why a request has no canonical form.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CanonicalError {
    #[error("a percent sign in the path or query is not followed by two hexadecimal digits")]
    Escape,
    #[error("the signed header '{0}' was not sent")]
    MissingHeader(String),
}

/// How a path becomes canonical; it differs between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStyle {
    /// Resolve `.` and `..` and drop doubled slashes.
    pub normalize: bool,
    /// Encode the path as it was sent (which encoded it once already), instead of as it is meant.
    pub encode_twice: bool,
}

impl PathStyle {
    /// Every service but S3.
    pub const STANDARD: Self = Self {
        normalize: true,
        encode_twice: true,
    };
    /// S3: object keys are taken literally.
    pub const S3: Self = Self {
        normalize: false,
        encode_twice: false,
    };
}

/// The parts of a request that enter its canonical form.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalRequest<'a> {
    pub method: &'a Method,
    /// As sent, without the query.
    pub path: &'a str,
    /// As sent; `X-Amz-Signature` is left out by itself.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    /// Stands in for a `Host` header that was not sent (HTTP/2 sends an authority instead).
    pub authority: Option<&'a str>,
    /// Lower-case names joined by `;`, in the order of signing.
    pub signed_headers: &'a str,
    /// Hexadecimal SHA-256 of the body.
    pub payload_hash: &'a str,
    pub path_style: PathStyle,
}

impl CanonicalRequest<'_> {
    /// Renders the canonical request.
    ///
    /// # Errors
    /// When an escape cannot be read or a signed header is not there.
    pub fn render(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut text = Vec::with_capacity(512 + self.signed_headers.len());
        let mut line = |part: &[u8]| {
            text.extend_from_slice(part);
            text.push(b'\n');
        };
        line(self.method.as_str().as_bytes());
        line(canonical_path(self.path, self.path_style)?.as_bytes());
        line(canonical_query(self.query.unwrap_or_default())?.as_bytes());
        for name in self.signed_headers.split(';') {
            self.header(name, &mut text)?;
        }
        text.push(b'\n');
        text.extend_from_slice(self.signed_headers.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(self.payload_hash.as_bytes());
        Ok(text)
    }

    /// Hexadecimal SHA-256 of the canonical request.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn hash(&self) -> Result<String, CanonicalError> {
        self.render().map(|text| sha256_hex(&text))
    }

    fn header(&self, name: &str, text: &mut Vec<u8>) -> Result<(), CanonicalError> {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        let mut values = self.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            match self.authority {
                Some(authority) if name == "host" => text.extend_from_slice(authority.as_bytes()),
                _ => return Err(CanonicalError::MissingHeader(name.to_owned())),
            }
        }
        for (index, value) in values.enumerate() {
            if index > 0 {
                text.push(b',');
            }
            trimmed(value.as_bytes(), text);
        }
        text.push(b'\n');
        Ok(())
    }
}

/// A header value without space around it, and with single spaces inside.
fn trimmed(value: &[u8], text: &mut Vec<u8>) {
    let mut spaces = false;
    for &byte in value.trim_ascii() {
        if byte != b' ' || !spaces {
            text.push(byte);
        }
        spaces = byte == b' ';
    }
}

/// The canonical form of a path.
///
/// # Errors
/// [`CanonicalError::Escape`], only when the style encodes once.
pub fn canonical_path(path: &str, style: PathStyle) -> Result<Cow<'static, str>, CanonicalError> {
    if path.is_empty() || path == "/" {
        return Ok("/".into());
    }
    let path = if style.normalize {
        normalized(path)
    } else {
        Cow::Borrowed(path)
    };
    let bytes = if style.encode_twice {
        Cow::Borrowed(path.as_bytes())
    } else {
        unescaped(&path)?
    };
    Ok(percent_encode(&bytes, RESERVED_IN_PATH).to_string().into())
}

fn normalized(path: &str) -> Cow<'_, str> {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/")).into()
}

/// The canonical form of a query: sorted by name, then value; without `X-Amz-Signature`.
///
/// # Errors
/// [`CanonicalError::Escape`].
pub fn canonical_query(query: &str) -> Result<String, CanonicalError> {
    if query.is_empty() {
        return Ok(String::new());
    }
    let mut pairs: Vec<(String, String)> = query_pairs(query)?
        .iter()
        .filter(|(name, _)| name.as_ref() != b"X-Amz-Signature")
        .map(|(name, value)| (escaped(name), escaped(value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(pairs.join("&"))
}

type Bytes<'a> = Cow<'a, [u8]>;

/// Names and values of a query, without escapes, in the order of sending.
pub(crate) fn query_pairs(query: &str) -> Result<Vec<(Bytes<'_>, Bytes<'_>)>, CanonicalError> {
    let plain = |text: &str| -> Result<Vec<u8>, CanonicalError> {
        Ok(unescaped(&text.replace('+', " "))?.into_owned())
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((plain(name)?.into(), plain(value)?.into()))
        })
        .collect()
}

/// Writes bytes as a name or value of a query.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

fn unescaped(text: &str) -> Result<Bytes<'_>, CanonicalError> {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let readable = |at: usize| bytes[at] != b'%' || (hex(at + 1) && hex(at + 2));
    if !(0..bytes.len()).all(readable) {
        return Err(CanonicalError::Escape);
    }
    Ok(percent_decode_str(text).into())
}

/// Hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    lower_hex(&Sha256::digest(bytes).into())
}

/// 64 lower-case digits.
pub(crate) fn lower_hex(bytes: &[u8; 32]) -> String {
    let mut digits = vec![0; 64];
    hex::encode_to_slice(bytes, &mut digits).expect("two digits a byte");
    String::from_utf8(digits).expect("digits are ASCII")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn queries_are_sorted_by_name_then_value_and_encoded_anew() {
        let table = [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("Param-3=c&Param=b", "Param=b&Param-3=c"),
            ("a=x+y%20z", "a=x%20y%20z"),
            ("a=%7e%2f/:", "a=~%2F%2F%3A"),
            ("a=b=c&&", "a=b%3Dc"),
            ("X-Amz-Signature=1&a=1", "a=1"),
        ];
        for (query, canonical) in table {
            assert_eq!(canonical_query(query).unwrap(), canonical, "{query}");
        }
        for bad in ["a=%", "a=%2", "%zz=1", "a=%%41"] {
            assert_eq!(canonical_query(bad), Err(CanonicalError::Escape), "{bad}");
        }
    }

    #[test]
    fn paths_are_encoded_twice_except_for_s3() {
        assert_eq!(
            canonical_path("/a%20b//c/../d/", PathStyle::STANDARD).unwrap(),
            "/a%2520b/d/"
        );
        assert_eq!(
            canonical_path("/a%20b//c/../d/", PathStyle::S3).unwrap(),
            "/a%20b//c/../d/"
        );
        assert_eq!(canonical_path("/../..", PathStyle::STANDARD).unwrap(), "/");
        assert_eq!(canonical_path("", PathStyle::S3).unwrap(), "/");
        assert_eq!(canonical_path("/%zz", PathStyle::S3), Err(CanonicalError::Escape));
    }
}
