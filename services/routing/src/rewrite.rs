//! Transforms and redirects: what becomes of a request's host and URL (LB-31, LB-33).

use regex::Regex;

use crate::action::Redirect;
use crate::rule::{Rewrite, Transform};

/// A rule's transforms, made ready.
#[derive(Debug, Default)]
pub struct Transforms {
    host: Vec<(Regex, String)>,
    url: Vec<(Regex, String)>,
}

impl Transforms {
    /// A regular expression that does not compile changes nothing; the API lets none pass.
    pub fn new(transforms: &[Transform]) -> Self {
        let mut made = Self::default();
        for transform in transforms {
            let (list, rewrites) = match transform {
                Transform::HostHeaderRewrite { rewrites } => (&mut made.host, rewrites),
                Transform::UrlRewrite { rewrites } => (&mut made.url, rewrites),
            };
            list.extend(rewrites.iter().filter_map(compile));
        }
        made
    }

    pub fn is_empty(&self) -> bool {
        self.host.is_empty() && self.url.is_empty()
    }

    /// The host to send instead, or none when it stays.
    pub fn host(&self, host: &str) -> Option<String> {
        apply(&self.host, host)
    }

    /// The path with its query to send instead, or none when it stays.
    pub fn url(&self, path_and_query: &str) -> Option<String> {
        let mut url = apply(&self.url, path_and_query)?;
        // What begins otherwise would be no request target, or one of another host.
        if !url.starts_with('/') {
            url.insert(0, '/');
        }
        Some(url)
    }
}

fn compile(rewrite: &Rewrite) -> Option<(Regex, String)> {
    let expression = Regex::new(&rewrite.regex).ok()?;
    Some((expression, replacement(&rewrite.replace)))
}

/// `$1` names a group, whatever follows; every other `$` is itself.
fn replacement(text: &str) -> String {
    let mut made = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '$' => match characters.next_if(char::is_ascii_digit) {
                Some(digit) => {
                    made.push_str("${");
                    made.push(digit);
                    made.push('}');
                }
                None => made.push_str("$$"),
            },
            other => made.push(other),
        }
    }
    made
}

fn apply(rewrites: &[(Regex, String)], text: &str) -> Option<String> {
    let (expression, replacement) = rewrites
        .iter()
        .find(|(expression, _)| expression.is_match(text))?;
    Some(expression.replace(text, replacement.as_str()).into_owned())
}

/// Where a request came in, for the placeholders of a redirect.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `HTTP` or `HTTPS`.
    pub protocol: &'a str,
    /// Without the port.
    pub host: &'a str,
    pub port: u16,
    /// With its leading slash.
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl Redirect {
    /// The Location to answer with. Like ELB it always names the port.
    pub fn location(&self, place: &Place<'_>) -> String {
        let port = place.port.to_string();
        let fill = |text: &str| {
            text.replace("#{protocol}", place.protocol)
                .replace("#{host}", place.host)
                .replace("#{port}", &port)
                .replace("#{path}", place.path.strip_prefix('/').unwrap_or(place.path))
                .replace("#{query}", place.query.unwrap_or_default())
        };
        let query = fill(&self.query);
        let mut location = format!(
            "{}://{}:{}{}",
            fill(&self.protocol).to_ascii_lowercase(),
            fill(&self.host),
            fill(&self.port),
            fill(&self.path)
        );
        if !query.is_empty() {
            location.push('?');
            location.push_str(&query);
        }
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(regex: &str, replace: &str) -> Transforms {
        let rewrites = vec![Rewrite {
            regex: regex.into(),
            replace: replace.into(),
        }];
        Transforms::new(&[Transform::UrlRewrite { rewrites }])
    }

    #[test]
    fn lb31_a_rewrite_puts_groups_into_the_url() {
        assert_eq!(
            url("^/api/v1/(.*)$", "/$1").url("/api/v1/users?x=1").as_deref(),
            Some("/users?x=1")
        );
        assert_eq!(url("^/a/(b)", "/$1x").url("/a/b").as_deref(), Some("/bx"));
        assert_eq!(url("^/a", "/$").url("/a").as_deref(), Some("/$"));
        assert_eq!(url("^/a", "/b").url("/c"), None);
        assert_eq!(
            url("^/a/(.*)", "$1").url("/a/http://b/").as_deref(),
            Some("/http://b/")
        );
        assert_eq!(url("^/a", "/b").host("/a"), None);
    }

    #[test]
    fn lb33_a_redirect_fills_its_placeholders() {
        let redirect = Redirect {
            status: 301,
            protocol: "HTTPS".into(),
            host: "#{host}".into(),
            port: "443".into(),
            path: "/new/#{path}".into(),
            query: "#{query}&from=#{protocol}".into(),
        };
        let place = Place {
            protocol: "HTTP",
            host: "example.com",
            port: 80,
            path: "/old",
            query: Some("a=1"),
        };
        let location = redirect.location(&place);
        assert_eq!(location, "https://example.com:443/new/old?a=1&from=HTTP");
    }
}
