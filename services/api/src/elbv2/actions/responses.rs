//! Answers of the balancer itself: redirects and fixed responses (LB-33).

use aws_model::elbv2::types::{Action, RedirectActionConfig};

use super::{Ground, invalid, required};
use crate::{Error, Result};

const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
];
const PLACEHOLDERS: [&str; 5] = ["protocol", "host", "port", "path", "query"];
/// Longest host, path and query, in characters.
const LENGTH: usize = 128;
const BODY: usize = 1024;

/// Parts that are not given stay as the request has them.
pub fn redirect(action: Action, ground: Ground<'_>) -> Result<Action> {
    let given = required(action.redirect_config, "RedirectConfig", action.r#type)?;
    let or = |part: Option<String>, default: &str| part.unwrap_or_else(|| default.to_owned());
    let (protocol, host) = (or(given.protocol, "#{protocol}"), or(given.host, "#{host}"));
    let (port, path) = (or(given.port, "#{port}"), or(given.path, "/#{path}"));
    let query = or(given.query, "#{query}");
    check_protocol(&protocol, ground)?;
    if port != "#{port}" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(invalid(
            "The Port of a redirect must be between '1' and '65535', or '#{port}'",
        ));
    }
    placeholders("Host", &host, &["host"])?;
    placeholders("Path", &path, &["host", "path", "port"])?;
    placeholders("Query", &query, &PLACEHOLDERS)?;
    if host.is_empty() || !path.starts_with('/') || query.starts_with('?') {
        return Err(invalid(
            "The Host of a redirect must not be empty, its Path must start with '/', and its Query must not start with '?'",
        ));
    }
    let same_place = host == "#{host}" && path == "/#{path}";
    let unchanged = protocol == "#{protocol}" && port == "#{port}";
    let same_listener = (protocol == "#{protocol}" || protocol == ground.protocol)
        && (port == "#{port}" || port == ground.port.to_string())
        && query == "#{query}";
    if same_place && (unchanged || same_listener) {
        return Err(invalid(
            "The redirect configuration is not valid because it creates a loop.",
        ));
    }
    Ok(Action {
        r#type: action.r#type,
        redirect_config: Some(RedirectActionConfig {
            protocol: Some(protocol),
            port: Some(port),
            host: Some(host),
            path: Some(path),
            query: Some(query),
            status_code: given.status_code,
        }),
        ..Action::default()
    })
}

fn check_protocol(protocol: &str, ground: Ground<'_>) -> Result<()> {
    match protocol {
        "#{protocol}" | "HTTPS" => Ok(()),
        "HTTP" if ground.protocol != "HTTPS" => Ok(()),
        "HTTP" => Err(invalid("You cannot redirect from 'HTTPS' to 'HTTP'")),
        _ => Err(invalid(
            "The Protocol of a redirect must be one of 'HTTP', 'HTTPS' or '#{protocol}'",
        )),
    }
}

/// Holds only these placeholders, each at most once.
fn placeholders(part: &str, text: &str, allowed: &[&str]) -> Result<()> {
    if text.chars().count() > LENGTH {
        return Err(Error::validation(format!(
            "The {part} of a redirect cannot be longer than '{LENGTH}' characters"
        )));
    }
    if text.chars().any(|c| c.is_control() || c == ' ') {
        return Err(invalid(format!(
            "The {part} of a redirect contains a character that is not valid"
        )));
    }
    let mut seen: Vec<&str> = Vec::new();
    for rest in text.split("#{").skip(1) {
        let name = rest.split_once('}').map(|(name, _)| name);
        match name.filter(|name| allowed.contains(name) && !seen.contains(name)) {
            Some(name) => seen.push(name),
            None => {
                let names: Vec<String> = allowed.iter().map(|name| format!("'#{{{name}}}'")).collect();
                return Err(invalid(format!(
                    "The {part} of a redirect may contain up to one of each of these placeholders: {}.",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// The same answer for everybody.
pub fn fixed(action: Action) -> Result<Action> {
    let given = required(action.fixed_response_config, "FixedResponseConfig", action.r#type)?;
    let status = given.status_code.as_bytes();
    if !matches!(status, [b'2' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9']) {
        return Err(invalid("The StatusCode must be 2XX, 4XX or 5XX"));
    }
    if let Some(wanted) = &given.content_type
        && !CONTENT_TYPES.contains(&wanted.as_str())
    {
        return Err(invalid(
            "The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', 'text/plain'",
        ));
    }
    if given.message_body.as_ref().is_some_and(|body| body.len() > BODY) {
        return Err(invalid(format!(
            "The MessageBody cannot be longer than '{BODY}' bytes"
        )));
    }
    Ok(Action {
        r#type: action.r#type,
        fixed_response_config: Some(given),
        ..Action::default()
    })
}
