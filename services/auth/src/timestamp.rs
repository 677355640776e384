//! The time of signing: `YYYYMMDDThhmmssZ`, or an HTTP date in the `Date` header.

use chrono::{DateTime, NaiveDate, Utc};

/// A time of signing with its exact text, which is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timestamp {
    pub time: DateTime<Utc>,
    text: String,
}

impl Timestamp {
    pub fn of(time: DateTime<Utc>) -> Self {
        Self {
            time,
            text: basic(time),
        }
    }

    /// The strict form of `X-Amz-Date`; nothing else has the same text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0, |sum: u32, digit| {
                digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
            })
        };
        let day = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(4, 6)?, number(6, 8)?)?;
        let time = day
            .and_hms_opt(number(9, 11)?, number(11, 13)?, number(13, 15)?)?
            .and_utc();
        Some(Self {
            time,
            text: text.to_owned(),
        })
    }

    /// The `Date` header: an HTTP date, or the form of `X-Amz-Date`.
    pub fn parse_date_header(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            DateTime::parse_from_rfc2822(text)
                .ok()
                .map(|time| Self::of(time.to_utc()))
        })
    }

    /// `YYYYMMDDThhmmssZ`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `YYYYMMDD`.
    pub fn date(&self) -> &str {
        self.text.get(..8).unwrap_or_default()
    }
}

/// `YYYYMMDDThhmmssZ`.
pub(crate) fn basic(time: DateTime<Utc>) -> String {
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_basic_form_is_read() {
        let stamp = Timestamp::parse("20150830T123600Z").expect("well formed");
        assert_eq!(
            (stamp.time.to_rfc3339().as_str(), stamp.date()),
            ("2015-08-30T12:36:00+00:00", "20150830")
        );
        assert_eq!(Timestamp::of(stamp.time), stamp);
        for bad in [
            "",
            "2015-08-30T12:36:00Z",
            "20150830T123600",
            "20151330T123600Z",
            "20150830T250000Z",
            "+0150830T123600Z",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
        assert_eq!(Timestamp::parse("２0830T123600Z"), None);
    }

    #[test]
    fn the_date_header_may_be_an_http_date() {
        let stamp = Timestamp::parse_date_header("Sun, 30 Aug 2015 12:36:00 GMT").expect("an HTTP date");
        assert_eq!(stamp.text(), "20150830T123600Z");
        assert_eq!(Timestamp::parse_date_header("yesterday"), None);
    }
}
