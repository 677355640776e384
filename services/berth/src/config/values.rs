//! Texts of settings made into values.

use std::collections::BTreeMap;
use std::time::Duration;

/// Clocks and databases count on from here without running over.
const LONGEST: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

/// A length of time: parts such as `1h30m`, `10s`, `7d`, `250ms`, or a plain number of seconds; at most 36500 days.
pub fn duration(text: &str) -> Result<Duration, String> {
    match unbounded(text)? {
        length if length <= LONGEST => Ok(length),
        _ => Err("a length of time is at most 36500d".to_owned()),
    }
}

fn unbounded(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "a length of time is written like 10s, 5m, 1h30m or 7d";
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Some(Duration::ZERO);
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let unit_length = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let number: u32 = number.parse().map_err(|_| EXPECTED)?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            "d" => Duration::from_secs(24 * 60 * 60),
            _ => return Err(EXPECTED.to_owned()),
        };
        total = total
            .zip(unit.checked_mul(number))
            .and_then(|(sum, part)| sum.checked_add(part));
        rest = after;
    }
    total
        .filter(|_| !text.is_empty())
        .ok_or_else(|| EXPECTED.to_owned())
}

/// `true` or `false`, in the ways that people write them in environment variables.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// The parts of a list, without space around them and without empty ones.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// `name=value` pairs.
pub fn map(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').filter(|(name, _)| !name.trim().is_empty())?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    list(text)
        .map(|part| pair(part).ok_or_else(|| format!("'{part}' is not written as name=value")))
        .collect()
}

/// An `http://` or `https://` address with a host and without a path, query or closing slash.
pub fn base_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("{error}"))?;
    let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let web =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if plain && web {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("must be an address such as http://10.0.0.5:8400".to_owned())
    }
}

/// An HTTPS address with a path.
pub fn url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("{error}"))?;
    match uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty()) {
        true => Ok(text.to_owned()),
        false => Err("must be an address such as https://acme.example.com/directory".to_owned()),
    }
}

pub fn mail_address(text: &str) -> Result<String, String> {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && !host.is_empty() => Ok(text.to_owned()),
        _ => Err("must be a mail address such as admin@example.com".to_owned()),
    }
}

/// A database's address without its password.
pub fn without_password(url: &str) -> String {
    let (before_query, query) = url
        .split_once('?')
        .map_or((url, None), |(before, query)| (before, Some(query)));
    let query = query.map(|query| {
        let masked = query.split('&').map(|pair| match pair.split_once('=') {
            Some(("password", _)) => "password=***".to_owned(),
            _ => pair.to_owned(),
        });
        format!("?{}", masked.collect::<Vec<_>>().join("&"))
    });
    let masked = before_query.split_once("://").and_then(|(scheme, rest)| {
        let (user_info, host) = rest.rsplit_once('@')?;
        let (user, _) = user_info.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{host}"))
    });
    masked.unwrap_or_else(|| before_query.to_owned()) + &query.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_parts() {
        let table = [
            ("10", 10_000),
            ("10s", 10_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("250ms", 250),
            ("0s", 0),
            ("36500d", 3_153_600_000_000),
        ];
        for (text, milliseconds) in table {
            assert_eq!(duration(text).unwrap().as_millis(), milliseconds, "{text}");
        }
        for bad in [
            "",
            "s",
            "10x",
            "-5s",
            "1.5h",
            "1h30",
            "10 s",
            "36501d",
            "18446744073709551615",
            "99999999999d",
            "4294967295d4294967295dä",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs_and_switches_are_read() {
        assert_eq!(
            map("a=1, b=x=y,").unwrap(),
            [("a", "1"), ("b", "x=y")]
                .map(|(k, v)| (k.into(), v.into()))
                .into()
        );
        assert!(map("a").is_err() && map("=1").is_err());
        assert!(switch("TRUE").unwrap() && !switch("0").unwrap() && switch("perhaps").is_err());
    }

    #[test]
    fn a_base_address_has_a_host_and_no_path() {
        assert_eq!(base_url("http://10.0.0.5:8400/").unwrap(), "http://10.0.0.5:8400");
        for bad in [
            "10.0.0.5:8400",
            "ftp://x",
            "http://",
            "http://x/path",
            "http://x?y",
            "",
            "http://a b",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_database_address_is_shown_without_its_password() {
        let table = [
            ("postgres://u:p@ss@h:5432/db", "postgres://u:***@h:5432/db"),
            ("postgres://u@h/db", "postgres://u@h/db"),
            (
                "postgres://h/db?user=u&password=p",
                "postgres://h/db?user=u&password=***",
            ),
            ("postgres:///db?host=/run/pg", "postgres:///db?host=/run/pg"),
        ];
        for (url, shown) in table {
            assert_eq!(without_password(url), shown);
        }
    }
}
