//! How fields are written.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// A field, or `-` where there is none.
pub(super) struct OrDash<T>(pub Option<T>);

impl<T: Display> Display for OrDash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_char('-'),
        }
    }
}

/// A field in double quotes. What would end it, what is not ASCII and what does not print is written as `\xHH`, byte by byte.
pub(super) struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(needs_escape) {
            f.write_str(&rest[..at])?;
            let character = rest[at..].chars().next().unwrap_or_default();
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "\\x{byte:02X}")?;
            }
            rest = &rest[at + character.len_utf8()..];
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

fn needs_escape(byte: u8) -> bool {
    !matches!(byte, 0x20..0x7f) || byte == b'"' || byte == b'\\'
}

/// Quoted, or `"-"` where there is none.
pub(super) fn quoted(text: Option<&str>) -> Quoted<'_> {
    Quoted(text.filter(|text| !text.is_empty()).unwrap_or("-"))
}

/// Seconds with three decimals; `-1` where it did not come to that.
pub(super) struct Seconds(pub Option<Duration>);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(took) => write!(f, "{:.3}", took.as_secs_f64()),
            None => f.write_str("-1"),
        }
    }
}

/// `2026-01-01T00:00:00.000000Z`
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A load balancer as logs name it: `app/<name>/<id>`, the end of its ARN.
pub(super) fn balancer_id(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader of the log makes of a quoted field.
    fn read(field: &str) -> Vec<u8> {
        let inner = field.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut bytes = Vec::new();
        let mut rest = inner.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'\\' {
                assert_eq!(after[0], b'x');
                let digits = std::str::from_utf8(&after[1..3]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &after[3..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        bytes
    }

    #[test]
    fn lb38_quotes_within_fields_are_escaped() {
        assert_eq!(Quoted("a\"b\\c\té").to_string(), r#""a\x22b\x5Cc\x09\xC3\xA9""#);
        assert_eq!(quoted(None).to_string(), "\"-\"");
        assert_eq!(OrDash(None::<u8>).to_string(), "-");
    }

    #[test]
    fn lb38_times_have_three_decimals_or_are_minus_one() {
        assert_eq!(Seconds(Some(Duration::from_micros(1_499))).to_string(), "0.001");
        assert_eq!(Seconds(None).to_string(), "-1");
    }

    proptest! {
        #[test]
        fn lb38_a_field_is_one_line_of_ascii_and_can_be_read_back(text in any::<String>()) {
            let field = Quoted(&text).to_string();
            prop_assert!(field.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(field.bytes().filter(|byte| *byte == b'"').count(), 2);
            prop_assert_eq!(read(&field), text.as_bytes());
        }
    }
}
