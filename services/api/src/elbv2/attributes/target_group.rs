//! Attributes of target groups (LB-19, LB-34).

use store::target_groups::TargetGroupRow;

use super::{Attribute, Catalogue, Map, SWITCH, Values, invalid_configuration};
use crate::Result;

/// What decides which attributes a target group has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub protocol: String,
    pub is_ip: bool,
}

impl Subject {
    pub fn of(row: &TargetGroupRow) -> Self {
        Self {
            protocol: row.protocol.clone().unwrap_or_default(),
            is_ip: row.target_type == "ip",
        }
    }

    fn is_http(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTP" | "HTTPS")
    }

    fn is_udp(&self) -> bool {
        matches!(self.protocol.as_str(), "UDP" | "TCP_UDP")
    }

    /// The attributes that a new group of this kind has and proxies would not assume by themselves.
    pub fn initial(&self) -> Map {
        const DEPENDENT: [&str; 3] = [
            "deregistration_delay.connection_termination.enabled",
            "preserve_client_ip.enabled",
            "target_health_state.unhealthy.connection_termination.enabled",
        ];
        let assumed = |key: &str| key == "target_health_state.unhealthy.connection_termination.enabled";
        let own = ATTRIBUTES.iter().filter(|attribute| {
            DEPENDENT.contains(&attribute.key)
                && (attribute.applies)(self)
                && ((attribute.default)(self) == "true") != assumed(attribute.key)
        });
        own.map(|attribute| (attribute.key.to_owned(), (attribute.default)(self).to_owned()))
            .collect()
    }
}

pub static CATALOGUE: Catalogue<Subject> = Catalogue {
    noun: "Target group",
    attributes: ATTRIBUTES,
    unsupported: |_, _| "The provided target group attribute is not supported".to_owned(),
    check,
};

const STICKINESS: &str = "stickiness.enabled";
const STICKINESS_TYPE: &str = "stickiness.type";
const COOKIE_NAME: &str = "stickiness.app_cookie.cookie_name";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const ANOMALY: &str = "load_balancing.algorithm.anomaly_mitigation";
const SLOW_START: &str = "slow_start.duration_seconds";
const DRAINING_INTERVAL: &str = "target_health_state.unhealthy.draining_interval_seconds";
const UNHEALTHY_TERMINATION: &str = "target_health_state.unhealthy.connection_termination.enabled";
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";
/// Names that the load balancer's own cookies have.
const RESERVED_COOKIES: &str = "AWSALB";
/// One week in seconds.
const WEEK: u32 = 604_800;
/// A number that no group has as many targets as.
const MANY: u32 = 1_000_000;

const fn any(_: &Subject) -> bool {
    true
}

fn never(_: &Subject) -> bool {
    false
}

fn network(subject: &Subject) -> bool {
    !subject.is_http()
}

const fn off(_: &Subject) -> &'static str {
    "false"
}

const fn number(
    key: &'static str,
    (min, max): (u32, u32),
    applies: fn(&Subject) -> bool,
    default: fn(&Subject) -> &'static str,
    has_effect: bool,
) -> Attribute<Subject> {
    Attribute {
        key,
        values: Values::Number { min, max, or: None },
        applies,
        default,
        has_effect,
    }
}

const fn switch(
    key: &'static str,
    applies: fn(&Subject) -> bool,
    default: fn(&Subject) -> &'static str,
    has_effect: bool,
) -> Attribute<Subject> {
    Attribute {
        key,
        values: SWITCH,
        applies,
        default,
        has_effect,
    }
}

const fn threshold(
    key: &'static str,
    max: u32,
    or: Option<&'static str>,
    default: fn(&Subject) -> &'static str,
    has_effect: bool,
) -> Attribute<Subject> {
    Attribute {
        key,
        values: Values::Number { min: 1, max, or },
        applies: any,
        default,
        has_effect,
    }
}

/// Of Gateway Load Balancers and Lambda functions, which Berth does not have.
const fn foreign(key: &'static str, values: Values) -> Attribute<Subject> {
    Attribute {
        key,
        values,
        applies: never,
        default: off,
        has_effect: false,
    }
}

static ATTRIBUTES: &[Attribute<Subject>] = &[
    number(
        "deregistration_delay.timeout_seconds",
        (0, 3600),
        any,
        |_| "300",
        true,
    ),
    switch(
        "deregistration_delay.connection_termination.enabled",
        network,
        |subject| if subject.is_udp() { "true" } else { "false" },
        true,
    ),
    switch(STICKINESS, any, off, true),
    Attribute {
        key: STICKINESS_TYPE,
        values: Values::OneOf(&[
            "lb_cookie",
            "app_cookie",
            "source_ip",
            "source_ip_dest_ip",
            "source_ip_dest_ip_proto",
        ]),
        applies: any,
        default: |subject| {
            if subject.is_http() {
                "lb_cookie"
            } else {
                "source_ip"
            }
        },
        has_effect: true,
    },
    number(
        "stickiness.lb_cookie.duration_seconds",
        (1, WEEK),
        Subject::is_http,
        |_| "86400",
        true,
    ),
    Attribute {
        key: COOKIE_NAME,
        values: Values::Text { max: 256 },
        applies: Subject::is_http,
        default: |_| "",
        has_effect: true,
    },
    number(
        "stickiness.app_cookie.duration_seconds",
        (1, WEEK),
        Subject::is_http,
        |_| "86400",
        true,
    ),
    Attribute {
        key: ALGORITHM,
        values: Values::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
        applies: Subject::is_http,
        default: |_| "round_robin",
        has_effect: true,
    },
    Attribute {
        key: ANOMALY,
        values: Values::OneOf(&["on", "off"]),
        applies: Subject::is_http,
        default: |_| "off",
        has_effect: true,
    },
    // 0 or 30 to 900: `check` says so.
    number(SLOW_START, (0, 900), Subject::is_http, |_| "0", true),
    Attribute {
        key: "load_balancing.cross_zone.enabled",
        values: Values::OneOf(&["true", "false", "use_load_balancer_configuration"]),
        applies: any,
        default: |_| "use_load_balancer_configuration",
        has_effect: false,
    },
    switch("proxy_protocol_v2.enabled", network, off, true),
    switch(
        PRESERVE_CLIENT_IP,
        network,
        |subject| match subject.protocol.as_str() {
            "TCP" | "TLS" if subject.is_ip => "false",
            _ => "true",
        },
        false,
    ),
    switch(
        UNHEALTHY_TERMINATION,
        network,
        |subject| if subject.is_udp() { "false" } else { "true" },
        true,
    ),
    number(DRAINING_INTERVAL, (0, 360_000), network, |_| "0", false),
    threshold(
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        MANY,
        Some("off"),
        |_| "1",
        false,
    ),
    threshold(
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        100,
        Some("off"),
        |_| "off",
        false,
    ),
    threshold(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        MANY,
        None,
        |_| "1",
        true,
    ),
    threshold(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        100,
        Some("off"),
        |_| "off",
        true,
    ),
    foreign("lambda.multi_value_headers.enabled", SWITCH),
    foreign(
        "target_failover.on_deregistration",
        Values::OneOf(&["rebalance", "no_rebalance"]),
    ),
    foreign(
        "target_failover.on_unhealthy",
        Values::OneOf(&["rebalance", "no_rebalance"]),
    ),
];

fn check(subject: &Subject, whole: &Map) -> Result<()> {
    let value = |key: &str| whole.get(key).map_or("", String::as_str);
    check_stickiness(subject, &value)?;
    if subject.is_http() {
        return check_algorithm(&value);
    }
    if subject.is_udp() && value(PRESERVE_CLIENT_IP) == "false" {
        return Err(invalid_configuration(
            "Client IP preservation cannot be disabled for target groups with the UDP or TCP_UDP protocol",
        ));
    }
    if subject.is_udp() && value(UNHEALTHY_TERMINATION) == "true" {
        return Err(invalid_configuration(format!(
            "'{UNHEALTHY_TERMINATION}' cannot be enabled for target groups with the UDP or TCP_UDP protocol"
        )));
    }
    if value(DRAINING_INTERVAL) != "0" && value(UNHEALTHY_TERMINATION) == "true" {
        return Err(invalid_configuration(format!(
            "'{DRAINING_INTERVAL}' can only be set when '{UNHEALTHY_TERMINATION}' is 'false'"
        )));
    }
    Ok(())
}

fn check_stickiness<'a>(subject: &Subject, value: &impl Fn(&str) -> &'a str) -> Result<()> {
    let (kind, enabled) = (value(STICKINESS_TYPE), value(STICKINESS) == "true");
    let fits = match kind {
        "lb_cookie" | "app_cookie" => subject.is_http(),
        // TLS connections are not sticky.
        "source_ip" => !(subject.is_http() || enabled && subject.protocol == "TLS"),
        _ => false,
    };
    if !fits {
        return Err(invalid_configuration(format!(
            "Stickiness type '{kind}' is not supported for target groups with the {} protocol",
            subject.protocol
        )));
    }
    let cookie = value(COOKIE_NAME);
    if cookie.starts_with(RESERVED_COOKIES) {
        return Err(invalid_configuration(format!(
            "The cookie name '{cookie}' is not valid: names that start with '{RESERVED_COOKIES}' are reserved"
        )));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !cookie.bytes().all(is_token) {
        return Err(invalid_configuration(format!(
            "The cookie name '{cookie}' is not valid"
        )));
    }
    if enabled && kind == "app_cookie" && cookie.is_empty() {
        return Err(invalid_configuration(format!(
            "'{COOKIE_NAME}' must be specified when '{STICKINESS_TYPE}' is 'app_cookie'"
        )));
    }
    Ok(())
}

fn check_algorithm<'a>(value: &impl Fn(&str) -> &'a str) -> Result<()> {
    let (algorithm, slow_start) = (value(ALGORITHM), value(SLOW_START));
    if slow_start != "0" && slow_start.parse().is_ok_and(|seconds: u32| seconds < 30) {
        return Err(crate::Error::validation(format!(
            "Target group attribute value '{slow_start}' for key '{SLOW_START}' is not valid: it must be '0' or a number between '30' and \
             '900'"
        )));
    }
    if slow_start != "0" && algorithm != "round_robin" {
        return Err(invalid_configuration(format!(
            "Slow start cannot be enabled when the load balancing algorithm is '{algorithm}'"
        )));
    }
    if value(ANOMALY) == "on" && algorithm != "weighted_random" {
        return Err(invalid_configuration(format!(
            "'{ANOMALY}' can only be turned on when '{ALGORITHM}' is 'weighted_random'"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
