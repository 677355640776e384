//! Listener rules: conditions, transforms and what they lead to (LB-30 to LB-33).

use serde::{Deserialize, Serialize};

use crate::Action;

/// One rule of a listener; the first whose conditions all match wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub arn: String,
    /// 1 to 50,000, unique in its listener.
    pub priority: u32,
    /// All have to match.
    pub conditions: Vec<Condition>,
    pub transforms: Vec<Transform>,
    pub actions: Vec<Action>,
}

/// One of its values has to match (LB-31).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "field", rename_all = "kebab-case")]
pub enum Condition {
    HostHeader(Patterns),
    PathPattern(Patterns),
    HttpHeader {
        name: String,
        #[serde(flatten)]
        patterns: Patterns,
    },
    HttpRequestMethod {
        values: Vec<String>,
    },
    QueryString {
        values: Vec<QueryPair>,
    },
    /// CIDR blocks, IPv4 or IPv6, of the peer's address.
    SourceIp {
        values: Vec<String>,
    },
}

/// Wildcard values (`*`, `?`) or regular expressions; one of both is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patterns {
    #[serde(default)]
    pub values: Vec<String>,
    #[serde(default)]
    pub regex_values: Vec<String>,
}

/// A query parameter; without a key any parameter's value may match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPair {
    pub key: Option<String>,
    pub value: String,
}

/// A change of the request before it goes to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Transform {
    HostHeaderRewrite { rewrites: Vec<Rewrite> },
    UrlRewrite { rewrites: Vec<Rewrite> },
}

/// What matches `regex` becomes `replace`, in which `$1` names a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    pub regex: String,
    pub replace: String,
}
