//! Health checks as requests write them and replies show them (LB-15).

use std::ops::RangeInclusive;

use aws_model::elbv2::types::{Matcher as CodesText, ProtocolEnum};
use routing::HealthCheck;
use routing::health::{CheckProtocol, Matcher};

use crate::elbv2::attributes::invalid_configuration;
use crate::{Error, Result};

/// Where the load balancer asks by default.
const PATH: &str = "/";
const GRPC_PATH: &str = "/AWS.ALB/healthcheck";
/// The port that stands for the one of each target.
pub const TRAFFIC_PORT: &str = "traffic-port";

/// What of a target group decides about its health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'a> {
    pub protocol: &'a str,
    pub is_grpc: bool,
}

impl Group<'_> {
    fn is_http(self) -> bool {
        matches!(self.protocol, "HTTP" | "HTTPS")
    }
}

/// Members of CreateTargetGroup and ModifyTargetGroup; ranges of the numbers are checked with the request's shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    pub protocol: Option<ProtocolEnum>,
    pub port: Option<String>,
    pub enabled: Option<bool>,
    pub path: Option<String>,
    pub interval_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub healthy_threshold: Option<i32>,
    pub unhealthy_threshold: Option<i32>,
    pub matcher: Option<CodesText>,
}

/// A health check with the text of its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub check: HealthCheck,
    pub matcher: Option<String>,
}

/// The health check of a new group.
///
/// # Errors
/// ValidationError or InvalidConfigurationRequest.
pub fn created(group: Group<'_>, given: Given) -> Result<Checked> {
    let (protocol, timeout) = match check_protocol(group, given.protocol)? {
        Some(protocol) => (protocol, default_timeout(group, protocol)),
        None if group.is_http() => (CheckProtocol::Http, 5),
        None => (CheckProtocol::Tcp, 10),
    };
    let matcher = default_matcher(group, protocol);
    let base = Checked {
        check: HealthCheck {
            enabled: true,
            protocol,
            port: None,
            path: default_path(group, protocol).to_owned(),
            interval_seconds: 30,
            timeout_seconds: timeout,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: parsed(group, matcher.unwrap_or_default())?,
        },
        matcher: matcher.map(str::to_owned),
    };
    let checked = overlaid(group, base, given)?;
    let (interval, timeout) = (checked.check.interval_seconds, checked.check.timeout_seconds);
    match is_longer(group, interval, timeout) {
        true => Ok(checked),
        false => Err(Error::validation(
            "Health check interval must be greater than the timeout.",
        )),
    }
}

/// A group's health check with a request's changes.
///
/// # Errors
/// As [`created`].
pub fn modified(group: Group<'_>, mut current: Checked, given: Given) -> Result<Checked> {
    if let Some(protocol) = check_protocol(group, given.protocol)?
        && protocol != current.check.protocol
    {
        let was_tcp = current.check.protocol == CheckProtocol::Tcp;
        current.check.protocol = protocol;
        if was_tcp || protocol == CheckProtocol::Tcp {
            let matcher = default_matcher(group, protocol);
            current.check.path = default_path(group, protocol).to_owned();
            current.check.matcher = parsed(group, matcher.unwrap_or_default())?;
            current.matcher = matcher.map(str::to_owned);
        }
    }
    let checked = overlaid(group, current, given)?;
    let (interval, timeout) = (checked.check.interval_seconds, checked.check.timeout_seconds);
    match is_longer(group, interval, timeout) {
        true => Ok(checked),
        false => Err(Error::validation(format!(
            "Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        ))),
    }
}

/// Groups of network load balancers may have both the same.
fn is_longer(group: Group<'_>, interval: u32, timeout: u32) -> bool {
    timeout < interval || (timeout == interval && !group.is_http())
}

fn check_protocol(group: Group<'_>, given: Option<ProtocolEnum>) -> Result<Option<CheckProtocol>> {
    let Some(given) = given else { return Ok(None) };
    match given {
        ProtocolEnum::Http => Ok(Some(CheckProtocol::Http)),
        ProtocolEnum::Https => Ok(Some(CheckProtocol::Https)),
        ProtocolEnum::Tcp if !group.is_http() => Ok(Some(CheckProtocol::Tcp)),
        other => Err(invalid_configuration(format!(
            "Health check protocol '{other}' is not supported for target groups with the {} protocol",
            group.protocol
        ))),
    }
}

fn default_timeout(group: Group<'_>, protocol: CheckProtocol) -> u32 {
    match protocol {
        _ if group.is_http() => 5,
        CheckProtocol::Http => 6,
        CheckProtocol::Https | CheckProtocol::Tcp => 10,
    }
}

fn default_path(group: Group<'_>, protocol: CheckProtocol) -> &'static str {
    match protocol {
        CheckProtocol::Tcp => "",
        _ if group.is_grpc => GRPC_PATH,
        _ => PATH,
    }
}

fn default_matcher(group: Group<'_>, protocol: CheckProtocol) -> Option<&'static str> {
    match protocol {
        CheckProtocol::Tcp => None,
        _ if group.is_grpc => Some("12"),
        _ if group.is_http() => Some("200"),
        _ => Some("200-399"),
    }
}

fn overlaid(group: Group<'_>, mut checked: Checked, given: Given) -> Result<Checked> {
    let check = &mut checked.check;
    let is_tcp = check.protocol == CheckProtocol::Tcp;
    if given.enabled == Some(false) {
        return Err(invalid_configuration(
            "Health checks can only be disabled for target groups with target type 'lambda'",
        ));
    }
    if let Some(port) = given.port {
        check.port = checked_port(&port)?;
    }
    if let Some(path) = given.path {
        check_path(&path, is_tcp)?;
        check.path = path;
    }
    let number = |given: Option<i32>, current: u32| given.map_or(current, i32::unsigned_abs);
    check.interval_seconds = number(given.interval_seconds, check.interval_seconds);
    check.timeout_seconds = number(given.timeout_seconds, check.timeout_seconds);
    check.healthy_threshold = number(given.healthy_threshold, check.healthy_threshold);
    check.unhealthy_threshold = number(given.unhealthy_threshold, check.unhealthy_threshold);
    if let Some(text) = given.matcher {
        let codes = codes(group, text)?;
        if let Some(codes) = codes {
            if is_tcp {
                return Err(invalid_configuration(
                    "A health check matcher can not be specified for health checks with the TCP protocol",
                ));
            }
            check.matcher = parsed(group, &codes)?;
            checked.matcher = Some(codes);
        }
    }
    Ok(checked)
}

fn checked_port(text: &str) -> Result<Option<u16>> {
    if text == TRAFFIC_PORT {
        return Ok(None);
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if plain && port > 0 => Ok(Some(port)),
        _ => Err(Error::validation(format!(
            "Health check port '{text}' must be '{TRAFFIC_PORT}' or a number between '1' and '65535'"
        ))),
    }
}

fn check_path(path: &str, is_tcp: bool) -> Result<()> {
    if is_tcp {
        return Err(invalid_configuration(
            "A health check path can not be specified for health checks with the TCP protocol",
        ));
    }
    match path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "Health check path '{path}' must begin with a '/' character, and can only contain printable ASCII characters, without spaces"
        ))),
    }
}

/// The codes of a matcher that fits the group.
fn codes(group: Group<'_>, matcher: CodesText) -> Result<Option<String>> {
    let (fitting, other) = match group.is_grpc {
        true => (matcher.grpc_code, matcher.http_code),
        false => (matcher.http_code, matcher.grpc_code),
    };
    if other.is_some_and(|codes| !codes.is_empty()) {
        let (wrong, version) = match group.is_grpc {
            true => ("HTTP", "GRPC"),
            false => ("gRPC", "HTTP1 or HTTP2"),
        };
        return Err(invalid_configuration(format!(
            "Health check matcher {wrong} codes are not supported for target groups with the protocol version {version}"
        )));
    }
    Ok(fitting.filter(|codes| !codes.is_empty()))
}

/// Codes and ranges of codes such as `200,202-299`.
fn parsed(group: Group<'_>, text: &str) -> Result<Matcher> {
    let (kind, bounds) = match (group.is_grpc, group.is_http()) {
        (true, _) => ("gRPC", 0..=99),
        (_, true) => ("HTTP", 200..=499),
        _ => ("HTTP", 200..=599),
    };
    let mut ranges = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let range = range(low, high, &bounds).ok_or_else(|| {
            Error::validation(format!(
                "Health check matcher {kind} code '{part}' must be within '{}-{}' inclusive",
                bounds.start(),
                bounds.end()
            ))
        })?;
        ranges.push(range);
    }
    Ok(match group.is_grpc {
        true => Matcher::GrpcCodes(ranges),
        false => Matcher::HttpCodes(ranges),
    })
}

fn range(low: &str, high: &str, bounds: &RangeInclusive<u16>) -> Option<RangeInclusive<u16>> {
    let code = |text: &str| {
        let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>()
            .ok()
            .filter(|code| plain && bounds.contains(code))
    };
    let (low, high) = (code(low)?, code(high)?);
    (low <= high).then_some(low..=high)
}

#[cfg(test)]
mod tests;
