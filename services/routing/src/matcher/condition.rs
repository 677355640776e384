//! Conditions, compiled.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::RequestFacts;
use crate::Condition;
use crate::cidr::Cidr;
use crate::pattern::Wildcard;
use crate::rule::Patterns;

/// Bound of a compiled expression, so that no rule can take a proxy's memory.
const REGEX_SIZE: usize = 256 * 1024;

#[derive(Debug)]
pub(super) enum Test {
    Host(Texts),
    Path(Texts),
    Header { name: String, texts: Texts },
    Method(Vec<String>),
    Query(Vec<(Option<Wildcard>, Wildcard)>),
    SourceIp(Vec<Cidr>),
}

/// Values of which one has to match.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) wildcards: Vec<Wildcard>,
    pub(super) expressions: Vec<Regex>,
    /// Some value was a regular expression, whether it compiled or not.
    pub(super) by_regex: bool,
}

impl Test {
    pub(super) fn new(condition: &Condition) -> Self {
        match condition {
            Condition::HostHeader(patterns) => Self::Host(Texts::new(patterns, true)),
            Condition::PathPattern(patterns) => Self::Path(Texts::new(patterns, false)),
            Condition::HttpHeader { name, patterns } => Self::Header {
                name: name.to_ascii_lowercase(),
                texts: Texts::new(patterns, true),
            },
            Condition::HttpRequestMethod { values } => Self::Method(values.clone()),
            Condition::QueryString { values } => Self::Query(
                values
                    .iter()
                    .map(|pair| {
                        let key = pair.key.as_deref().map(Wildcard::ignoring_case);
                        (key, Wildcard::ignoring_case(&pair.value))
                    })
                    .collect(),
            ),
            Condition::SourceIp { values } => {
                Self::SourceIp(values.iter().filter_map(|value| value.parse().ok()).collect())
            }
        }
    }

    pub(super) fn matches(&self, request: &RequestFacts<'_>) -> bool {
        match self {
            Self::Host(texts) => texts.matches(request.host),
            Self::Path(texts) => texts.matches(request.path),
            Self::Header { name, texts } => request.headers.any(name, &mut |value| texts.matches(value)),
            Self::Method(values) => values.iter().any(|value| value == request.method),
            Self::Query(pairs) => parameters(request.query.unwrap_or_default()).any(|(key, value)| {
                pairs.iter().any(|(wanted_key, wanted)| {
                    wanted_key.as_ref().is_none_or(|wanted| either(wanted, key)) && either(wanted, value)
                })
            }),
            Self::SourceIp(blocks) => blocks.iter().any(|block| block.contains(request.peer)),
        }
    }
}

impl Texts {
    fn new(patterns: &Patterns, ignore_case: bool) -> Self {
        let wildcard = if ignore_case {
            Wildcard::ignoring_case
        } else {
            Wildcard::new
        };
        let expressions = patterns.regex_values.iter();
        Self {
            wildcards: patterns.values.iter().map(|value| wildcard(value)).collect(),
            expressions: expressions
                .filter_map(|value| compile(value, ignore_case).ok())
                .collect(),
            by_regex: !patterns.regex_values.is_empty(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        self.wildcards.iter().any(|value| value.matches(text))
            || self
                .expressions
                .iter()
                .any(|expression| expression.is_match(text))
    }
}

fn compile(expression: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_SIZE)
        .build()
}

/// Whether a value can be used as a regular expression in conditions and transforms.
pub fn compiles_as_regex(expression: &str) -> bool {
    compile(expression, true).is_ok()
}

/// Parameters of a query as they were sent; one without `=` has an empty value.
pub fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// As it was sent, or decoded.
fn either(wanted: &Wildcard, text: &str) -> bool {
    wanted.matches(text) || matches!(decoded(text), Cow::Owned(text) if wanted.matches(&text))
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at] {
            b'%' => bytes.get(at + 1..at + 3).and_then(|digits| {
                let digits = std::str::from_utf8(digits).ok()?;
                let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                hexadecimal.then(|| u8::from_str_radix(digits, 16).ok())?
            }),
            _ => None,
        };
        match (escaped, bytes[at]) {
            (Some(byte), _) => {
                plain.push(byte);
                at += 3;
            }
            (None, b'+') => {
                plain.push(b' ');
                at += 1;
            }
            (None, byte) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}
