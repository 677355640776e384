//! Why a rule did or did not match, for people.

use super::condition::Test;
use super::{Compiled, RequestFacts};
use crate::Listener;

/// How one rule stands to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Place in the listener's rules.
    pub rule: usize,
    pub conditions: Vec<ConditionVerdict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionVerdict {
    /// The condition in words.
    pub condition: String,
    pub matches: bool,
    /// What the request had at that place.
    pub found: String,
}

impl RuleVerdict {
    pub fn matches(&self) -> bool {
        self.conditions.iter().all(|condition| condition.matches)
    }
}

impl Compiled {
    /// How each rule of the listener that this was made of stands to a request, in their order.
    pub fn explain(&self, listener: &Listener, request: &RequestFacts<'_>) -> Vec<RuleVerdict> {
        let rules = self.rules.iter().zip(&listener.rules).enumerate();
        rules
            .map(|(place, (tests, rule))| RuleVerdict {
                rule: place,
                conditions: tests
                    .iter()
                    .zip(&rule.conditions)
                    .map(|(test, condition)| ConditionVerdict {
                        condition: condition.to_string(),
                        matches: test.matches(request),
                        found: found(test, request),
                    })
                    .collect(),
            })
            .collect()
    }
}

fn found(test: &Test, request: &RequestFacts<'_>) -> String {
    match test {
        Test::Host(_) => request.host.to_owned(),
        Test::Path(_) => request.path.to_owned(),
        Test::Method(_) => request.method.to_owned(),
        Test::SourceIp(_) => request.peer.to_string(),
        Test::Query(_) => request
            .query
            .map_or_else(|| "no query".to_owned(), |query| format!("?{query}")),
        Test::Header { name, .. } => {
            let mut values = Vec::new();
            request.headers.any(name, &mut |value| {
                values.push(value.to_owned());
                false
            });
            match values.is_empty() {
                true => "no such header".to_owned(),
                false => values.join(", "),
            }
        }
    }
}
