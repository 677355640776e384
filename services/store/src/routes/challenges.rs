//! Answers to HTTP-01 challenges of ACME orders (RFC 8555, 8.3): rules before all others, on each HTTP and HTTPS listener of the account
//! whose certificate is being issued.

use routing::action::FixedResponse;
use routing::rule::Patterns;
use routing::{Action, Condition, Rule};
use serde::Deserialize;

/// An answer, as `balancers` reads it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Challenge {
    token: String,
    key_authorization: String,
}

/// The query of a balancer's answers; the balancer is `b`.
pub(super) const OF_BALANCER: &str = "coalesce((SELECT jsonb_agg(jsonb_build_object('token', a.token, \
    'key_authorization', a.key_authorization) ORDER BY a.token) FROM acme_challenges a JOIN certificates c \
    ON c.issuing->'tokens' ? a.token WHERE c.account = b.account AND c.region = b.region), '[]')";

/// The rule that gives an answer on this listener. Users' priorities begin at 1.
pub(super) fn rule(listener: &str, challenge: &Challenge) -> Rule {
    let path = format!("/.well-known/acme-challenge/{}", challenge.token);
    Rule {
        arn: format!("{listener}/acme-challenge"),
        priority: 0,
        conditions: vec![Condition::PathPattern(Patterns {
            values: vec![path],
            regex_values: Vec::new(),
        })],
        transforms: Vec::new(),
        actions: vec![Action::FixedResponse(FixedResponse {
            status: 200,
            content_type: Some("text/plain".to_owned()),
            body: challenge.key_authorization.clone(),
        })],
    }
}
