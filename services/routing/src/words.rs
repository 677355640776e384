//! Conditions and actions in words, one line each.

use std::fmt;

use crate::action::Action;
use crate::rule::{Condition, Patterns};

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostHeader(patterns) => write!(f, "host is {patterns}"),
            Self::PathPattern(patterns) => write!(f, "path is {patterns}"),
            Self::HttpHeader { name, patterns } => write!(f, "header {name} is {patterns}"),
            Self::HttpRequestMethod { values } => write!(f, "method is {}", values.join(" or ")),
            Self::QueryString { values } => {
                let pairs = values.iter().map(|pair| match &pair.key {
                    Some(key) => format!("{key}={}", pair.value),
                    None => pair.value.clone(),
                });
                write!(f, "query has {}", pairs.collect::<Vec<_>>().join(" or "))
            }
            Self::SourceIp { values } => write!(f, "source is in {}", values.join(" or ")),
        }
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expressions = self.regex_values.iter().map(|value| format!("/{value}/"));
        let values: Vec<String> = self.values.iter().cloned().chain(expressions).collect();
        f.write_str(&values.join(" or "))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(forward) => {
                let sum: u32 = forward.groups.iter().map(|group| group.weight).sum();
                let groups = forward.groups.iter().map(|group| {
                    let name = group
                        .target_group
                        .split('/')
                        .nth(1)
                        .unwrap_or(&group.target_group);
                    match forward.groups.len() {
                        1 => name.to_owned(),
                        _ => format!("{name} ({} of {sum})", group.weight),
                    }
                });
                write!(f, "forward to {}", groups.collect::<Vec<_>>().join(", "))
            }
            Self::Redirect(redirect) => write!(
                f,
                "redirect ({}) to {}://{}:{}{}{}{}",
                redirect.status,
                redirect.protocol.to_lowercase(),
                redirect.host,
                redirect.port,
                redirect.path,
                if redirect.query.is_empty() { "" } else { "?" },
                redirect.query
            ),
            Self::FixedResponse(response) => write!(f, "answer {}", response.status),
            Self::AuthenticateOidc(oidc) => write!(f, "authenticate at {}", oidc.issuer),
            Self::JwtValidation(jwt) => write!(f, "check the token of {}", jwt.issuer),
        }
    }
}
