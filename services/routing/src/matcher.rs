//! Which rule of a listener a request meets: the first, in ascending priority, whose conditions all match (LB-30, LB-31).

mod condition;
mod explain;
mod index;

use std::net::IpAddr;

use crate::{Condition, Listener};
use condition::Test;
use index::Index;

pub use condition::{compiles_as_regex, parameters};
pub use explain::{ConditionVerdict, RuleVerdict};

/// What rules look at.
#[derive(Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Without the port; any case.
    pub host: &'a str,
    /// As it was sent, without the query.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub method: &'a str,
    pub headers: &'a dyn Headers,
    /// The peer of the connection, not what X-Forwarded-For says.
    pub peer: IpAddr,
}

/// The request's header fields.
pub trait Headers {
    /// Whether `test` holds for a field of this name (in lower case); fields that are not text are passed over.
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl Headers for [(&str, &str)] {
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let mut fields = self.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        fields.any(|(_, value)| test(value))
    }
}

impl Headers for Vec<(String, String)> {
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let mut fields = self.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        fields.any(|(_, value)| test(value))
    }
}

/// What [`Compiled::choose`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// Place in the listener's rules; none: the default rule.
    pub rule: Option<usize>,
    /// How many rules were looked at (metric RuleEvaluations).
    pub evaluated: usize,
}

/// The rules of one listener, made ready once for many requests.
#[derive(Debug)]
pub struct Compiled {
    rules: Vec<Vec<Test>>,
    index: Index,
}

impl Compiled {
    /// A regular expression that does not compile never matches; the API lets none pass.
    pub fn new(listener: &Listener) -> Self {
        let compile = |conditions: &[Condition]| conditions.iter().map(Test::new).collect();
        let rules: Vec<Vec<Test>> = listener
            .rules
            .iter()
            .map(|rule| compile(&rule.conditions))
            .collect();
        let index = Index::new(&rules);
        Self { rules, index }
    }

    /// The rule that this request meets.
    pub fn choose(&self, request: &RequestFacts<'_>) -> Matched {
        let mut evaluated = 0;
        let rule = self.index.candidates(request).find(|rule| {
            evaluated += 1;
            self.rules[*rule].iter().all(|test| test.matches(request))
        });
        Matched { rule, evaluated }
    }
}

/// The host of an authority: `example.com:8080` → `example.com`, `[::1]:80` → `[::1]`.
pub fn host_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon)
            if authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit())
                && !authority[..colon].ends_with(':') =>
        {
            match authority[..colon].contains(':') && !authority[..colon].ends_with(']') {
                true => authority,
                false => &authority[..colon],
            }
        }
        _ => authority,
    }
}
